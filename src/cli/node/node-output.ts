/**
 * What a node prints, and what it tells its parent, never holds the node up: a reader that stalls (Ctrl-S in the terminal, a
 * pager, a parent that is busy) would otherwise stop the thread that renews the lease, and all that the node hosts with it.
 *
 * - NO-1 Writing never blocks: a terminal is not written to synchronously, as it is by default.
 * - NO-2 What waits for the reader is bounded: above `waitingMax`, lines are left out until the reader has taken all of
 *   it. Then a line says how many.
 */

/** In bytes, for a stream. */
export const waitingMax = 1024 * 1024
/** In messages, for a parent. */
export const untakenMax = 1000

/** What this needs of a standard stream. */
export interface NodeStream {
  readonly writableLength: number
  readonly write: (text: string) => unknown
  readonly once: (event: 'drain', listener: () => void) => unknown
}

interface WithHandle {
  readonly _handle?: { readonly setBlocking?: (isBlocking: boolean) => unknown } | null
}

/** Node has no other way to it. Files have no handle: they have no reader that stalls. */
export function unblock(...streams: readonly object[]): void {
  for (const stream of streams) (stream as WithHandle)._handle?.setBlocking?.(false)
}

/** Writes lines as long as somebody takes them; `lost` makes the line about those that nobody took. */
export class NodeOutput {
  private readonly stream: NodeStream
  private readonly lost: (count: number) => string
  private leftOut = 0

  constructor(stream: NodeStream, lost: (count: number) => string) {
    this.stream = stream
    this.lost = lost
  }

  write(line: string): void {
    if (this.leftOut > 0) {
      this.leftOut++
      return
    }
    if (this.stream.writableLength <= waitingMax) {
      this.stream.write(line)
      return
    }
    this.leftOut = 1
    this.stream.once('drain', () => {
      const count = this.leftOut
      this.leftOut = 0
      this.stream.write(this.lost(count))
    })
  }
}

/** Tells the parent; `isSpare`: need not be told where the parent does not take what it was told before. */
export class ParentLine {
  private untaken = 0

  tell(message: object, isSpare: boolean): void {
    if (!process.connected || (isSpare && this.untaken >= untakenMax)) return
    this.untaken++
    process.send!(message, undefined, {}, () => {
      this.untaken--
    })
  }
}
