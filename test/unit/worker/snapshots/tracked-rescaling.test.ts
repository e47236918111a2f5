import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { defineComponent, defineSource, type Kind, port } from '../../../../src/component/index.ts'
import { type Message, Stage } from './stage.ts'

/** Tracked messages of a source that goes on from a snapshot with another number of copies: TR-1, TR-4. */

const each = 4

/** Each copy sends as many, the first time; `heard`: what all copies hear, with the number of the copy. */
function source(heard: string[], isFirst: boolean): Kind {
  return defineSource({
    outputs: { out: port<Message>() },
    rewinds: true,
    track: { timeoutMs: 60_000 },
    setup({ instance, signal }) {
      let sent = isFirst ? 0 : each
      return {
        poll(_max, { emit }) {
          if (sent === each)
            return new Promise((resolve) => {
              signal.addEventListener('abort', () => resolve('done'), { once: true })
            })
          const n = sent++
          emit.out.tracked({ key: `k${n}`, n }, { id: `${instance}.${n}` })
          return 'more'
        },
        positions: () => ({}),
        ack: (id) => void heard.push(`${instance} hears ack ${String(id)}`),
        fail: (id) => void heard.push(`fail ${String(id)}`),
        timeout: (id) => void heard.push(`timeout ${String(id)}`),
      }
    },
  })
}

const kind = defineComponent({ inputs: { in: port<Message>() }, on: { in: () => undefined } })

async function goOn(t: TestContext, before: number, now: number): Promise<readonly string[]> {
  const stage = new Stage()
  const first: string[] = []
  const begun = await stage.begin({
    kind,
    source: source(first, true),
    sources: before,
    handles: before * each,
  })
  t.after(() => begun.close())
  // Complete, and told to nobody so far: that comes with the commit, which this life does not hear of.
  const from = await begun.parts(begun.beginSnapshot({ isAligned: true, alignMsMax: null }))
  assert.deepEqual(first, [])
  await begun.close()
  const heard: string[] = []
  const next = await stage.begin({ kind, source: source(heard, false), sources: now, from, handles: 0 })
  t.after(() => next.close())
  await next.until('all are told of', () => heard.length >= before * each)
  // Whoever else has one would tell of it with this.
  await next.take()
  return heard
}

for (const [before, now] of [
  [2, 3],
  [3, 1],
  [2, 2],
] as const)
  test(`each open message of ${before} copies is told of once by ${now}`, async (t) => {
    const heard = await goOn(t, before, now)
    const ids = heard.map((line) => /^\d hears ack (.*)$/.exec(line)?.[1] ?? line)
    const expected = Array.from({ length: before }, (_, copy) =>
      Array.from({ length: each }, (_, n) => `${copy}.${n}`),
    ).flat()
    assert.deepEqual(new Set(ids), new Set(expected))
    assert.equal(ids.length, expected.length, 'none is told of twice')
    const tellers = new Set(heard.map(([instance]) => instance))
    assert.equal(tellers.size, now, 'they are dealt among all')
  })
