import type { Readable, Writable } from 'node:stream'
import type { Worker as Thread } from 'node:worker_threads'

/**
 * Passes on what the code in a thread prints. Node would write each piece by itself: a component that prints 100,000 lines
 * in one turn then holds the thread of the process up for seconds, which in a node renews the lease. The thread must
 * have been started with `stdout` and `stderr`.
 */
export function relayOutput(thread: Thread): void {
  relay(thread.stdout, process.stdout)
  relay(thread.stderr, process.stderr)
}

/** What is there by then goes in one write. While it takes nothing, nothing is read: that waits in the thread. */
export function relay(from: Readable, to: Writable): void {
  let isWriting = false
  const move = (): void => {
    if (isWriting) return
    const printed = readAll(from)
    if (printed.length === 0) return
    isWriting = true
    // Also called where it could not be written: whoever owns the output tells that.
    to.write(printed, () => {
      isWriting = false
      move()
    })
  }
  from.on('readable', move)
}

/** A stream gives one piece at a time. */
function readAll(from: Readable): Buffer {
  const pieces: Buffer[] = []
  for (;;) {
    const piece = from.read() as Buffer | null
    if (piece === null) return Buffer.concat(pieces)
    pieces.push(piece)
  }
}
