import { randomUUID } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import * as v from 'valibot'
import { defineComponent, defineSource, port, type SharedWrite, type Sink, value } from 'vertigo-flow'
import type { Pair } from './kinds.ts'
import { pass } from './pass.ts'
import { requestsOf } from './texts.ts'

/** A source that nobody can read again, and kinds for what it gives. */

/** What came once, and comes never again. */
export interface Call {
  readonly id: string
}

export interface Noted extends Call {
  readonly times: number
}

const tickMs = 50

/**
 * Calls that are nowhere else: it does not rewind, so it has a journal. Of each it notes, in a file, that it is about to give it, and then
 * that it was told that it is kept; where it is killed between the two, nobody knows whether it is.
 */
export const calls = defineSource({
  outputs: { out: port<Call>() },
  config: v.object({ noted: v.string(), hurry: v.string(), perSecond: v.number() }),
  setup({ config: { noted, hurry, perSecond }, instances, clock, signal }) {
    const burst = Math.max(1, Math.round((perSecond * tickMs) / 1000 / instances))
    const note = (what: 'given' | 'kept', ids: readonly string[]): void =>
      appendFileSync(noted, ids.map((id) => `${what} ${id}\n`).join(''))
    return {
      async poll(_max, { emit, kept }) {
        await pass(tickMs, clock, signal)
        if (existsSync(hurry)) return 'done'
        const ids = Array.from({ length: burst }, () => randomUUID())
        note('given', ids)
        for (const id of ids) emit.out({ id })
        kept((error) => {
          if (error === undefined) note('kept', ids)
        })
        return 'more'
      },
    }
  },
})

/** What the source has noted: each line was written at once, unless its writer was killed there. */
export function readCalls(noted: string): Readonly<Record<'given' | 'kept', ReadonlySet<string>>> {
  const found = { given: new Set<string>(), kept: new Set<string>() }
  for (const line of readFileSync(noted, 'utf8').split('\n')) {
    const [, what, id] = /^(given|kept) ([0-9a-f-]{36})$/.exec(line) ?? []
    if (what !== undefined) found[what as 'given' | 'kept'].add(id!)
  }
  return found
}

/** How often each call came. */
export const notes = defineComponent({
  inputs: { in: port<Call>() },
  outputs: { out: port<Noted>() },
  state: { times: value(0) },
  on: {
    in({ id }, { state, emit }) {
      emit.out({ id, times: state.times.update((n) => n + 1) })
    },
  },
})

/** To shared counters, which tell what is there twice: of each client, how many pairs there are, and a sum by which they differ. */
export const countedPairs = defineComponent({
  inputs: { in: port<Pair>() },
  setup({ shared }) {
    let received: SharedWrite[] = []
    const sink: Sink<readonly SharedWrite[]> = {
      prepare() {
        const changes = received
        received = []
        return changes.length === 0 ? undefined : changes
      },
      commit: ({ writer, snapshot, staged }) => shared.publish({ writer, snapshot, changes: staged }),
      recover: (writer) => shared.published(writer),
    }
    const add = (counter: string, delta: number): void => void received.push({ type: 'add', counter, delta })
    return {
      on: {
        in({ client, name }) {
          add(`pairs of ${client}`, 1)
          add(`sum of ${client}`, weightOf(name))
        },
      },
      sink,
    }
  },
})

/** Of a pair: so that a lost one and one that came twice do not make up for each other. */
export function weightOf(name: string): number {
  const [good, bad] = requestsOf(name)
  return good * 10_007 + bad
}
