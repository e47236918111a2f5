import type { RunEvent, RunStatus, RunSummary } from '../../run/types.ts'

/** Shows a run. Standard output belongs to the network's own messages, so people read standard error. */
export interface RunView {
  event(event: RunEvent): void
  status(status: RunStatus): void
  /** A line of a component's, written to standard error. */
  text(line: string): void
  /** A line of the command's. */
  notice(line: string): void
  finished(summary: RunSummary): void
  /** The error itself is reported after this. */
  failed(error: unknown, exitCode: number): void
}
