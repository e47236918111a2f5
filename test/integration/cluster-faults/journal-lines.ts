/**
 * What components write into the journal: one line each, before they go on, so it is true of processes that were killed, too.
 * Of these, the last line may be cut: the kernel looks between two pages whether a writer is to die.
 */
export type JournalLine =
  /** An instance was set up: a life begins. */
  | {
      readonly type: 'born'
      readonly life: string
      readonly name: string
      readonly pid: number
      readonly tMs: number
    }
  | { readonly type: 'emits'; readonly life: string; readonly n: number; readonly tMs: number }
  | {
      readonly type: 'gets'
      readonly life: string
      readonly message: Numbered
      readonly tMs: number
    }

/** Numbered by each instance that sends it on, from 0. */
export interface Numbered {
  /** Life of the sender. */
  readonly from: string
  readonly n: number
  /** When the source made it. */
  readonly atMs: number
  /** Names of the instances that it came by, such as `tick[0]`. */
  readonly path: readonly string[]
}

/** Whose line it is comes first, to be read also where the line is cut. Behind a cut line, the next one begins a new one. */
export function journalText(pid: number, line: JournalLine): string {
  return `\n{"pid":${pid},"line":${JSON.stringify(line)}}\n`
}
