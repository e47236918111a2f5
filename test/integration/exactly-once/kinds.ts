import { existsSync, readFileSync } from 'node:fs'
import * as v from 'valibot'
import { defineComponent, defineSource, list, map, port, value } from 'vertigo-flow'
import { pass } from './pass.ts'
import { type Request, requestOf, wordsOf } from './texts.ts'

/** Kinds whose state says of each message whether it was lost or handled twice, and in which order those of a key came. */

export interface Line {
  readonly number: number
  readonly text: string
}

export interface Word {
  readonly word: string
  readonly line: number
}

export interface Counted {
  readonly word: string
  readonly count: number
}

/** Two requests of one client. */
export interface Pair {
  readonly client: string
  readonly name: string
}

const tickMs = 50
/** Of the lines: so many wait for the word that nothing will be killed any more. */
const restShare = 0.1

/**
 * The lines of a text, of which each instance reads every so many. They come in bursts, at a rate, and the last of them when the file
 * `hurry` is there: then as fast as they are taken.
 */
export const lines = defineSource({
  outputs: { out: port<Line>() },
  config: v.object({ text: v.string(), hurry: v.string(), perSecond: v.number() }),
  rewinds: true,
  setup({ config: { text, hurry, perSecond }, instance, instances, positions, clock, signal }) {
    const all = readFileSync(text, 'utf8').split('\n')
    const split = `${instance}/${instances}`
    let next = (positions?.[split]?.position as number | undefined) ?? instance
    const restAt = Math.floor(all.length * (1 - restShare))
    const burst = Math.max(1, Math.round((perSecond * tickMs) / 1000 / instances))
    let isHurried = false
    return {
      async poll(max, { emit }) {
        if (!isHurried) {
          await pass(tickMs, clock, signal)
          isHurried = existsSync(hurry)
        }
        const end = isHurried ? all.length : restAt
        for (let left = isHurried ? max : burst; left > 0 && next < end; left--) {
          emit.out({ number: next, text: all[next]! })
          next += instances
        }
        return next < all.length ? 'more' : 'done'
      },
      positions: () => ({ [split]: { version: 1, position: next } }),
    }
  },
})

export const splits = defineComponent({
  inputs: { in: port<Line>() },
  outputs: { out: port<Word>() },
  on: {
    in({ number, text }, { emit }) {
      for (const word of wordsOf(text)) emit.out({ word, line: number })
    },
  },
})

/** How often a word came, which is sent on each time, and the sum of the numbers of its lines: a loss and a double do not make up for each other. */
export const counts = defineComponent({
  inputs: { in: port<Word>() },
  outputs: { out: port<Counted>() },
  state: { seen: value(0), sum: value(0) },
  on: {
    in({ word, line }, { state, emit }) {
      state.sum.update((sum) => sum + line)
      emit.out({ word, count: state.seen.update((n) => n + 1) })
    },
  },
})

/** Several at a time, each after a while: so a cut finds some at work. */
export const requests = defineComponent({
  inputs: { in: port<Line>() },
  outputs: { good: port<Request>(), bad: port<Request>() },
  concurrency: 4,
  on: {
    async in({ number, text }, { emit, clock, signal }) {
      const request = requestOf(text, number)
      if (request === undefined) return
      if (number % 7 === 0) await pass(10, clock, signal)
      if (request.isGood) emit.good(request)
      else emit.bad(request)
    },
  },
})

/** A join without a window: of each client, every request that was answered with every one that was not. */
export const joins = defineComponent({
  inputs: { good: port<Request>(), bad: port<Request>() },
  outputs: { out: port<Pair>() },
  state: { good: list<number>(), bad: list<number>() },
  on: {
    good({ client, number }, { state, emit }) {
      state.good.push(number)
      for (const other of state.bad.get()) emit.out({ client, name: `${number} ${other}` })
    },
    bad({ client, number }, { state, emit }) {
      state.bad.push(number)
      for (const other of state.good.get()) emit.out({ client, name: `${other} ${number}` })
    },
  },
})

/** Of each pair of a client's, how often it came. */
export const tallies = defineComponent({
  inputs: { in: port<Pair>() },
  state: { times: map<string, number>() },
  on: {
    in({ name }, { state }) {
      state.times.update(name, (n = 0) => n + 1)
    },
  },
})
