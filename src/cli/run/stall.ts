import { readFileSync } from 'node:fs'

/** What a system tells of a thread. */
export interface ThreadUse {
  /** Processor time that it has used, in milliseconds. */
  readonly usedMs: number
  /** As in `/proc`: `R` runs or waits for a processor, `S` sleeps, `D` waits for a disk, `T` was stopped. */
  readonly state: string
}

/** Clock ticks of `/proc` are 10 ms long on every Linux that Node runs on. */
const tickMs = 10

/** The main thread of a process; undefined where the system does not tell. */
export function mainThread(pid: number | undefined): ThreadUse | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8')
    const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { usedMs: (Number(fields[10]) + Number(fields[11])) * tickMs, state }
  } catch {
    return undefined
  }
}

/** What is known of a main thread that has shown no sign of life for longer than `limitMs`. */
export interface SilentThread {
  /** The network's modules are loaded: no component writes to standard output yet. */
  readonly isLoading: boolean
  readonly limitMs: number
  /** Processor time in this time, in milliseconds; undefined where the system does not tell. */
  readonly computedMs: number | undefined
  /** It was found asleep whenever it was looked at. */
  readonly isAsleep: boolean
}

/**
 * Whether code of the user's blocks the thread. One that computes does; one that gets no processor on a busy machine does
 * not, nor one that waits for the reader of its output. While modules are loaded nothing is written, so one that sleeps
 * through all that time is blocked too.
 */
export function isStalled({ isLoading, limitMs, computedMs, isAsleep }: SilentThread): boolean {
  if (computedMs === undefined) return isLoading
  return computedMs >= limitMs / 2 || (isLoading && isAsleep)
}
