import { readFileSync } from 'node:fs'

/**
 * How far the clocks of this process stand from those of the machine. A container may have a time namespace of its own
 * (time_namespaces(7)), in which all clocks but the wall's are shifted; processes that compare moments have to take that
 * away. A process keeps its namespace for life.
 */
export interface TimeOffsets {
  readonly monotonicMs: number
  /** What `/proc` counts from, too. */
  readonly bootMs: number
}

const none: TimeOffsets = { monotonicMs: 0, bootMs: 0 }

/** From the text of `/proc/self/timens_offsets`: lines of a clock's name, seconds and nanoseconds. */
export function parseTimeOffsets(text: string): TimeOffsets {
  const offsetMs = (name: string): number => {
    const found = new RegExp(String.raw`^${name}\s+(-?\d+)\s+(\d+)\s*$`, 'm').exec(text)
    return found === null ? 0 : Number(found[1]) * 1_000 + Number(found[2]) / 1e6
  }
  return { monotonicMs: offsetMs('monotonic'), bootMs: offsetMs('boottime') }
}

function readTimeOffsets(): TimeOffsets {
  try {
    return parseTimeOffsets(readFileSync('/proc/self/timens_offsets', 'latin1'))
  } catch {
    // Another system, or a kernel before 5.6: there are no such namespaces.
    return none
  }
}

export const timeOffsets = readTimeOffsets()
