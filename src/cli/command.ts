import type { Arguments } from './arguments.ts'
import type { CommandSpec } from './command-spec.ts'

export interface Command {
  readonly spec: CommandSpec
  /** Fulfilled with the exit code; rejects with the error to report. */
  run(given: Arguments): Promise<number>
}
