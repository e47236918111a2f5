import type { Command } from './command.ts'

/** A command in the overview; its module is loaded when it is used. */
export interface CommandEntry {
  readonly usage: string
  readonly summary: string
  load(): Promise<Command>
}

/** Commands of two words: `vertigo store get`. */
export interface CommandGroup {
  readonly usage: string
  readonly summary: string
  /** Paragraphs that say what its commands have in common. */
  readonly about: readonly string[]
  readonly commands: Readonly<Record<string, CommandEntry>>
}

/** The commands, in the order of the overview. */
export const commands: Readonly<Record<string, CommandEntry | CommandGroup>> = {
  new: {
    usage: 'new <folder>',
    summary: 'Make a project with a network, a component and its test.',
    load: async () => (await import('./commands/new.ts')).newCommand,
  },
  run: {
    usage: 'run <network>',
    summary: 'Run a network on the cores of this machine.',
    load: async () => (await import('./commands/run.ts')).runCommand,
  },
  validate: {
    usage: 'validate <network>',
    summary: 'Report every fault of a network; with --types, those of its types too.',
    load: async () => (await import('./commands/validate.ts')).validateCommand,
  },
  graph: {
    usage: 'graph <network>',
    summary: 'Draw a network as Mermaid, DOT or SVG.',
    load: async () => (await import('./commands/graph.ts')).graphCommand,
  },
  kinds: {
    usage: 'kinds [kind]',
    summary: 'List the built-in kinds with their ports and configuration.',
    load: async () => (await import('./commands/kinds.ts')).kindsCommand,
  },
  certs: {
    usage: 'certs <command>',
    summary: 'Make certificates for the nodes of a cluster.',
    about: [
      'For clusters without an authority of their own. Certificates of any other authority do as well, if the id of the node is among their DNS names.',
    ],
    commands: {
      create: {
        usage: 'create <folder>',
        summary: 'Make an authority, and a certificate for each node.',
        load: async () => (await import('./commands/certs/create.ts')).createCommand,
      },
    },
  },
  store: {
    usage: 'store <command>',
    summary: 'Look into a coordination store, and mend it.',
    about: [
      'For the bad day: reads and writes a store beside whoever uses it. Nothing here knows what the keys mean.',
      'The store is named by --store, or else by the variable VERTIGO_STORE: `lmdb:./folder`, or `etcd://host:2379,host2:2379/prefix` (`etcds://` with TLS: `?ca=file&cert=file&key=file`).',
    ],
    commands: {
      get: {
        usage: 'get <key>',
        summary: 'Print the value of a key.',
        load: async () => (await import('./commands/store/get.ts')).getCommand,
      },
      put: {
        usage: 'put <key> <value>',
        summary: 'Set a key.',
        load: async () => (await import('./commands/store/put.ts')).putCommand,
      },
      delete: {
        usage: 'delete <key>',
        summary: 'Delete a key, or all that begin with it.',
        load: async () => (await import('./commands/store/delete.ts')).deleteCommand,
      },
      watch: {
        usage: 'watch [prefix]',
        summary: 'Print what is there and every change, until Ctrl-C.',
        load: async () => (await import('./commands/store/watch.ts')).watchCommand,
      },
      ls: {
        usage: 'ls [prefix]',
        summary: 'List keys.',
        load: async () => (await import('./commands/store/ls.ts')).lsCommand,
      },
      lease: {
        usage: 'lease',
        summary: 'List leases with their keys, or end one.',
        load: async () => (await import('./commands/store/lease.ts')).leaseCommand,
      },
      export: {
        usage: 'export <file>',
        summary: 'Write all keys that are kept into a file.',
        load: async () => (await import('./commands/store/export.ts')).exportCommand,
      },
      import: {
        usage: 'import <file>',
        summary: 'Fill a store from such a file.',
        load: async () => (await import('./commands/store/import.ts')).importCommand,
      },
    },
  },
}
