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
    const statuses = of('status')
    const all: Tally = {
      by: 'all',
      key: '',
      requests: sum(statuses.map(({ requests }) => requests)),
      bytes: sum(statuses.map(({ bytes }) => bytes)),
    }
    const top = of('path')
      .toSorted((a, b) => b.requests - a.requests)
      .slice(0, config.topPaths)
    for (const line of [all, ...statuses, ...of('hour'), ...top]) emit.line(line)
  },
})

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0)
}
