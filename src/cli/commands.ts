import type { Command } from './command.ts'

/** A command in the overview; its module is loaded when it is used. */
export interface CommandEntry {
  readonly usage: string
  readonly summary: string
  load(): Promise<Command>
}

/** The commands, in the order of the overview. */
export const commands: Readonly<Record<string, CommandEntry>> = {
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
    usage: 'kinds',
    summary: 'List the built-in kinds with their ports and configuration.',
    load: async () => (await import('./commands/kinds.ts')).kindsCommand,
  },
}
