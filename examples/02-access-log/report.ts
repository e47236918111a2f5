import * as v from 'valibot'
import { defineComponent, list, port } from 'vertigo-flow'
import type { Tally } from './tally.ts'

/** Puts the tallies in order when all have come: everything, then by status, by hour, and the most frequent paths. */
export default defineComponent({
  inputs: { tally: port<Tally>() },
  outputs: { line: port<Tally>() },
  config: v.strictObject({ topPaths: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 10) }),
  state: { tallies: list<Tally>({ scope: 'instance' }) },
  on: {
    tally(tally, { state }) {
      state.tallies.push(tally)
    },
  },
  drain({ state, config, emit }) {
    const tallies = state.tallies.get()
    const of = (by: string): Tally[] =>
      tallies.filter((tally) => tally.by === by).toSorted((a, b) => compare(a.key, b.key))
    const all = of('status').reduce(
      (sum, { requests, bytes }) => ({ ...sum, requests: sum.requests + requests, bytes: sum.bytes + bytes }),
      { by: 'all', key: '', requests: 0, bytes: 0 },
    )
    const top = of('path')
      .toSorted((a, b) => b.requests - a.requests)
      .slice(0, config.topPaths)
    for (const line of [all, ...of('status'), ...of('hour'), ...top]) emit.line(line)
  },
})

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
