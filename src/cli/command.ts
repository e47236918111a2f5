import type { Arguments } from './arguments.ts'
import type { CommandSpec } from './command-spec.ts'

export interface Command {
  readonly spec: CommandSpec
  /** Fulfilled with the exit code; rejects with the error to report. */
  run(given: Arguments): Promise<number>
}

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
