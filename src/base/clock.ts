import { performance } from 'node:perf_hooks'
import { timeOffsets } from './time-namespace.ts'

/** Cancels what it belongs to; calling it twice is harmless. */
export type Cancel = () => void

/**
 * Time, as it is given to everything that needs it; a simulation or a test gives another one. Nothing outside
 * `base/` reads the global clock or sets global timers.
 */
export interface Clock {
  /** Milliseconds since 1970, may jump. */
  now(): number
  /** Milliseconds from an arbitrary point, never goes back; with fractions. */
  monotonic(): number
  /** Runs `action` once after `delayMs` milliseconds. With `background`, it does not keep the process alive. */
  after(delayMs: number, action: () => void, options?: { background?: boolean }): Cancel
  /**
   * Runs `action` every `periodMs` milliseconds, first after one period. With `coarse` it matters little when within the period
   * that is, and the first time comes after half a period to one and a half: on a real machine all such timers of one period run
   * at the same moments, in all threads and processes, so that a process that waits is woken once for all of them, and for what
   * others send at that moment. (The idea is `round_jiffies` of Linux.)
   */
  every(periodMs: number, action: () => void, options?: { background?: boolean; coarse?: boolean }): Cancel
  /** Runs `action` after what the event loop has ready: pending input and output come first. */
  soon(action: () => void): void
}

/** The longest delay of a timer of Node, in milliseconds: longer ones would fire at once. */
const nodeDelayMsMax = 2_147_483_647

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, action, options) {
    let timer: NodeJS.Timeout | undefined
    // Delays longer than Node's are waited for in several steps.
    const wait = (leftMs: number): void => {
      const stepMs = Math.min(leftMs, nodeDelayMsMax)
      timer = setTimeout(() => (leftMs > stepMs ? wait(leftMs - stepMs) : action()), stepMs)
      if (options?.background) timer.unref()
    }
    wait(delayMs)
    return () => clearTimeout(timer)
  },
  every(periodMs, action, options) {
    if (periodMs > nodeDelayMsMax) return everyLong(periodMs, action, options)
    if (options?.coarse === true) return everyRound(periodMs, action, options)
    const timer = setInterval(action, periodMs)
    if (options?.background) timer.unref()
    return () => clearInterval(timer)
  },
  soon(action) {
    setImmediate(action)
  },
}

/** At the whole multiples of the period, by the time that all processes of the machine share. */
function everyRound(periodMs: number, action: () => void, options: { background?: boolean }): Cancel {
  let cancel: Cancel
  const wait = (): void => {
    const leftMs = periodMs - (machineClock.monotonic() % periodMs)
    // A timer may come a little early: it does not come twice for one round.
    cancel = systemClock.after(leftMs < periodMs / 2 ? leftMs + periodMs : leftMs, run, options)
  }
  const run = (): void => {
    // Before the action: one that throws is called again all the same.
    wait()
    action()
  }
  wait()
  return () => cancel()
}

function everyLong(periodMs: number, action: () => void, options: { background?: boolean } = {}): Cancel {
  let cancel: Cancel
  const again = (): void => {
    cancel = systemClock.after(periodMs, again, options)
    action()
  }
  cancel = systemClock.after(periodMs, again, options)
  return () => cancel()
}

/**
 * The system's clock, with a monotonic time that all processes of the machine share (CLOCK_MONOTONIC): it counts from one
 * point until the machine is started anew, whatever is done to the time of day, and in whichever container.
 */
export const machineClock: Clock = {
  ...systemClock,
  monotonic: () => Number(process.hrtime.bigint()) / 1e6 - timeOffsets.monotonicMs,
}

/**
 * The same clock, whose time of day goes on as its monotonic time from now on: for times that are compared with each other and
 * that others have to read later. Where somebody sets the clock anew, it is off by that, and no span is.
 */
export function steadyClock(clock: Clock): Clock {
  const aheadMs = clock.now() - clock.monotonic()
  return {
    now: () => Math.round(clock.monotonic() + aheadMs),
    monotonic: () => clock.monotonic(),
    after: (delayMs, action, options) => clock.after(delayMs, action, options),
    every: (periodMs, action, options) => clock.every(periodMs, action, options),
    soon: (action) => clock.soon(action),
  }
}

/** A promise for the passing of `delayMs`; rejects with the signal's reason when that is aborted first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error)
      return
    }
    const onAbort = (): void => {
      cancel()
      reject(signal?.reason as Error)
    }
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** The same for loops that look at the signal themselves: fulfilled too when it is aborted. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return sleep(clock, delayMs, signal).catch(() => undefined)
}
