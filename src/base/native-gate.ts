import type { Clock } from './clock.ts'
import { sleep } from './clock.ts'

/**
 * Keeps a thread from being ended in the midst of native code that does not survive it. A thread that is ended stops between any two
 * steps of its JavaScript: with a transaction of LMDB open, it waits for its own lock for ever, and with it whoever ends the process;
 * and where its binding cannot throw into a thread that is about to end, it ends the whole process (SIGABRT, SIGSEGV).
 *
 * - NG-1 Native code runs inside of the gate only. Whoever ends the thread shuts the gate first, and waits until nobody is inside.
 * - NG-2 Who comes to a gate that is shut, or leaves it, stands still there until its thread is ended. So it does nothing more, either.
 * - NG-3 Both sides write before they look: the thread that it is inside, the other that it is shut. One of them sees the other.
 *
 * What ends a thread by itself is not held up: its end of memory, which may come anywhere, and `process.exit`, which is no part of any
 * native code.
 */
export type SharedGate = SharedArrayBuffer

const insideBit = 1
const shutBit = 2

export function allocateGate(): SharedGate {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
}

/** Something that runs as a whole, or not at all. */
export type RunWhole = <T>(action: () => T) => T

/** For a thread that nobody ends. */
export const runWhole: RunWhole = (action) => action()

/** The thread's side; gives how it runs native code. Inside of one action, others run with it. */
export function throughGate(shared: SharedGate): RunWhole {
  const word = new Int32Array(shared)
  let depth = 0
  return (action) => {
    if (depth === 0 && (Atomics.or(word, 0, insideBit) & shutBit) !== 0) standStill(word)
    depth++
    try {
      return action()
    } finally {
      depth--
      if (depth === 0 && (Atomics.and(word, 0, ~insideBit) & shutBit) !== 0) standStill(word)
    }
  }
}

/** NG-2. Ends with the thread. */
function standStill(word: Int32Array): never {
  Atomics.and(word, 0, ~insideBit)
  for (;;) Atomics.wait(word, 0, shutBit)
}

const lookMsMax = 20

/** The other side: shuts it for good. False where somebody is still inside after `msMax`: then the thread must not be ended yet. */
export async function shutGate(shared: SharedGate, clock: Clock, msMax: number): Promise<boolean> {
  const word = new Int32Array(shared)
  const endMs = clock.monotonic() + msMax
  for (let delayMs = 1; isInside(word); delayMs = Math.min(lookMsMax, delayMs * 2)) {
    if (clock.monotonic() >= endMs) return false
    await sleep(clock, delayMs)
  }
  return true
}

/** The same for who cannot wait in another way than by standing still: the process is about to end. */
export function shutGateNow(shared: SharedGate, msMax: number): boolean {
  const word = new Int32Array(shared)
  for (let waitedMs = 0; isInside(word); waitedMs++) {
    if (waitedMs >= msMax) return false
    Atomics.wait(word, 0, insideBit | shutBit, 1)
  }
  return true
}

function isInside(word: Int32Array): boolean {
  return (Atomics.or(word, 0, shutBit) & insideBit) !== 0
}
