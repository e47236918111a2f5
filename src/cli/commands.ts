import type { CommandEntry, CommandGroup } from './command.ts'

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
  deploy: {
    usage: 'deploy [network]',
    summary: 'Deploy a network, or a part of one, to the cluster.',
    load: async () => (await import('./commands/cluster/deploy.ts')).deployCommand,
  },
  undeploy: {
    usage: 'undeploy <network>',
    summary: 'End a network of the cluster, or take a part out of it.',
    load: async () => (await import('./commands/cluster/undeploy.ts')).undeployCommand,
  },
  ls: {
    usage: 'ls',
    summary: 'List the networks of the cluster.',
    load: async () => (await import('./commands/cluster/ls.ts')).lsCommand,
  },
  status: {
    usage: 'status <network>',
    summary: 'Show where the instances of a network run, and how they are.',
    load: async () => (await import('./commands/cluster/status.ts')).statusCommand,
  },
  describe: {
    usage: 'describe <network>',
    summary: 'Show what is deployed as a network, or its versions.',
    load: async () => (await import('./commands/cluster/describe.ts')).describeCommand,
  },
  scale: {
    usage: 'scale <network> <component> <n>',
    summary: 'Set the number of copies of a component.',
    load: async () => (await import('./commands/cluster/scale.ts')).scaleCommand,
  },
  rollback: {
    usage: 'rollback <network> [version]',
    summary: 'Go back to an older version of a network.',
    load: async () => (await import('./commands/cluster/rollback.ts')).rollbackCommand,
  },
  snapshot: {
    usage: 'snapshot <command>',
    summary: 'Take, look at and keep snapshots of networks.',
    about: [
      'A network whose guarantee is at-least-once or exactly-once takes snapshots all the time, and goes back to the last one after a failure. Here they are looked at, taken with a name, and taken elsewhere.',
      'To let a network go on from one: `vertigo deploy <file> --from-snapshot <name>`.',
    ],
    commands: {
      create: {
        usage: 'create <network>',
        summary: 'Take a snapshot that is kept.',
        load: async () => (await import('./commands/snapshot/create.ts')).snapshotCreateCommand,
      },
      ls: {
        usage: 'ls <network>',
        summary: 'List the snapshots of a network.',
        load: async () => (await import('./commands/snapshot/ls.ts')).snapshotLsCommand,
      },
      show: {
        usage: 'show <network> <snapshot>',
        summary: 'Show of what a snapshot consists.',
        load: async () => (await import('./commands/snapshot/show.ts')).snapshotShowCommand,
      },
      export: {
        usage: 'export <network> <snapshot> <folder>',
        summary: 'Write a snapshot into a folder, for another cluster.',
        load: async () => (await import('./commands/snapshot/export.ts')).snapshotExportCommand,
      },
      rm: {
        usage: 'rm <network> <snapshot>',
        summary: 'Keep a snapshot no longer.',
        load: async () => (await import('./commands/snapshot/rm.ts')).snapshotRmCommand,
      },
    },
  },
  nodes: {
    usage: 'nodes',
    summary: 'List the nodes of the cluster.',
    load: async () => (await import('./commands/cluster/nodes.ts')).nodesCommand,
  },
  drain: {
    usage: 'drain <node>',
    summary: 'Empty a node.',
    load: async () => (await import('./commands/cluster/drain.ts')).drainCommand,
  },
  undrain: {
    usage: 'undrain <node>',
    summary: 'Let a node have instances again.',
    load: async () => (await import('./commands/cluster/drain.ts')).undrainCommand,
  },
  config: {
    usage: 'config',
    summary: 'Show or change what is set for the whole cluster.',
    load: async () => (await import('./commands/cluster/config.ts')).configCommand,
  },
  events: {
    usage: 'events',
    summary: 'Print what happened in the cluster.',
    load: async () => (await import('./commands/cluster/events.ts')).eventsCommand,
  },
  logs: {
    usage: 'logs <network>',
    summary: 'Print what a network logs, on all nodes.',
    load: async () => (await import('./commands/cluster/logs.ts')).logsCommand,
  },
  send: {
    usage: 'send <network> <port> [message]',
    summary: 'Send messages into a network of the cluster.',
    load: async () => (await import('./commands/cluster/send.ts')).sendCommand,
  },
  read: {
    usage: 'read <network> <port>',
    summary: 'Print what a network of the cluster gives.',
    load: async () => (await import('./commands/cluster/read.ts')).readCommand,
  },
  request: {
    usage: 'request <network> <port> <message>',
    summary: 'Send a message and print the answer.',
    load: async () => (await import('./commands/cluster/request.ts')).requestCommand,
  },
  state: {
    usage: 'state <command>',
    summary: 'Look into the state of a network.',
    about: ['What the snapshots of a network have of its keys.'],
    commands: {
      get: {
        usage: 'get <network> <component> <key>',
        summary: 'Print the state of a key.',
        load: async () => (await import('./commands/cluster/state-get.ts')).stateGetCommand,
      },
    },
  },
  node: {
    usage: 'node',
    summary: 'Start a node of a cluster.',
    load: async () => (await import('./commands/node.ts')).nodeCommand,
  },
  cluster: {
    usage: 'cluster <command>',
    summary: 'Start a whole cluster on this machine.',
    about: ['For development, and for trying out what happens when nodes fail.'],
    commands: {
      start: {
        usage: 'start',
        summary: 'Start nodes on this machine, until Ctrl-C.',
        load: async () => (await import('./commands/cluster/start.ts')).startCommand,
      },
    },
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
  completion: {
    usage: 'completion <shell>',
    summary: 'Print a script that lets a shell complete commands.',
    load: async () => (await import('./commands/completion.ts')).completionOf(commands),
  },
}
