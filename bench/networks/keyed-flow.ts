import { appendFileSync } from 'node:fs'
import * as v from 'valibot'
import { defineComponent, defineSource, port, value } from 'vertigo-flow'
import { type Clock, machineClock } from '../../src/base/clock.ts'
import type { FlowLine } from '../lib/flow-lines.ts'

/** Kinds of networks on real nodes, which write down what their benchmark wants to know: `recovery`, `latency`. */

export interface Keyed {
  readonly key: number
  /** When it was due at its source, by the clock of the machine. */
  readonly atMs: number
}

const config = v.object({ lines: v.string() })
/** No common divisor with a number of keys that is a power of ten. */
const stride = 7_919
const linesMs = 500

function write(file: string, line: FlowLine): void {
  // Behind a line that a kill has cut off, this one begins anew.
  appendFileSync(file, `\n${JSON.stringify(line)}\n`)
}

function born(context: {
  readonly component: string
  readonly instance: number
  readonly config: { readonly lines: string }
}): string {
  const name = `${context.component}[${context.instance}]`
  write(context.config.lines, { type: 'born', name, tMs: machineClock.monotonic() })
  return name
}

/** Every key once, as fast as they are taken; then keys all over, at a rate. */
export const keys = defineSource({
  outputs: { out: port<Keyed>() },
  config: v.object({ lines: v.string(), keys: v.number(), perSecond: v.number(), tickMs: v.number() }),
  rewinds: true,
  setup({
    config: { lines, keys: all, perSecond, tickMs },
    component,
    instance,
    instances,
    positions,
    clock,
    signal,
  }) {
    const split = `${instance}/${instances}`
    const [own, perMs] = [Math.ceil(all / instances), perSecond / instances / 1_000]
    let next = (positions?.[split]?.position as number | undefined) ?? 0
    let dueMs: number | undefined
    const emitNext = (emit: (message: Keyed) => void, atMs: number): void => {
      emit({ key: ((next++ * stride) % own) * instances + instance, atMs })
    }
    return {
      async poll(max, { emit }): Promise<'more'> {
        if (next < own) {
          for (let left = Math.min(max, own - next); left > 0; left--)
            emitNext(emit.out, machineClock.monotonic())
          if (next === own)
            write(lines, { type: 'filled', name: `${component}[${instance}]`, tMs: machineClock.monotonic() })
          return 'more'
        }
        dueMs ??= machineClock.monotonic()
        const isLate = machineClock.monotonic() >= dueMs + tickMs
        if (!isLate) await pass(tickMs, clock, signal)
        // What was due meanwhile is sent with the time when it was due, whoever held it up.
        for (let left = max; left > 0 && dueMs <= machineClock.monotonic(); left--) {
          emitNext(emit.out, dueMs)
          dueMs += 1 / perMs
        }
        return 'more'
      },
      positions: () => ({ [split]: { version: 1, position: next } }),
    }
  },
})

function pass(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const onAbort = (): void => (cancel(), resolve())
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

export const counts = defineComponent({
  inputs: { in: port<Keyed>() },
  outputs: { out: port<Keyed>() },
  state: { seen: value(0) },
  config,
  setup(context) {
    born(context)
    return {
      on: {
        in(message, { state, emit }) {
          state.seen.update((seen) => seen + 1)
          emit.out(message)
        },
      },
    }
  },
})

/** Writes down when the first message came, and how old each one was when it came. */
export const ends = defineComponent({
  inputs: { in: port<Keyed>() },
  config,
  setup(context) {
    const name = born(context)
    const { lines } = context.config
    let ages = new Map<number, number>()
    let toldMs: number | undefined
    return {
      on: {
        in({ atMs }) {
          const nowMs = machineClock.monotonic()
          const tenths = Math.ceil((nowMs - atMs) * 10)
          ages.set(tenths, (ages.get(tenths) ?? 0) + 1)
          if (toldMs === undefined) {
            toldMs = nowMs
            write(lines, { type: 'first', name, tMs: nowMs })
          } else if (nowMs - toldMs >= linesMs) {
            write(lines, { type: 'ages', name, tMs: nowMs, sinceMs: toldMs, ages: [...ages] })
            ages = new Map()
            toldMs = nowMs
          }
        },
      },
    }
  },
})
