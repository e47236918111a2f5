import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VertigoError } from '../../../../src/base/errors.ts'
import type { Sink } from '../../../../src/component/sink.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { openSink, type RestoredSinksOf } from '../../../../src/worker/snapshots/sink-owner.ts'

const snapshot = { incarnation: 1, id: 9 }
const since = { incarnation: 1, id: 3 }
const left: RestoredSinksOf = {
  snapshot,
  upTo: snapshot,
  sinks: [{ instance: 0, published: undefined, since, staged: [{ snapshot, staged: 'a' }] }],
}

/** What a sink hears before its instance is ready. */
async function heard(from: 'restored' | 'discarded' | 'nothing', fails = false): Promise<readonly string[]> {
  const calls: string[] = []
  const sink: Sink = {
    restored: ({ id }, isOver) => calls.push(`restored ${id} ${isOver}`),
    recover: (writer, _published, first) => {
      calls.push(`recover ${writer} since ${first?.id}`)
      return undefined
    },
    prepare: () => undefined,
    commit: ({ writer, staged }) => {
      calls.push(`commit ${writer} ${String(staged)}`)
      if (fails) throw new VertigoError('SINK_REFUSED', 'no such table')
    },
  }
  const instance = {
    place: 'out[0]',
    identity: { component: 'out' },
    writer: 'out/0',
    logger: { warn: (text: string) => calls.push(text.split(':')[0]!) },
    restoredSinks: from === 'restored' ? left : undefined,
    discardedSinks: from === 'discarded' ? () => Promise.resolve(left) : undefined,
    received: 0,
    wasOver: false,
    fail: (error: unknown) => assert.fail(error as Error),
    wake: () => undefined,
  }
  const { recovered } = openSink(sink, instance, {
    clock: new TestClock(),
    inSlices: () => assert.fail('nothing is encoded'),
    mayAct: () => true,
    writerOf: (component, number) => `${component}/${number}`,
  })
  await recovered
  return calls
}

test('SK-1: what a sink hears that goes on, that begins afresh in a network that goes on, and that begins', async () => {
  assert.deepEqual(await heard('restored'), ['restored 9 false', 'recover out/0 since 3', 'commit out/0 a'])
  assert.deepEqual(await heard('discarded'), ['recover out/0 since 3', 'commit out/0 a'])
  assert.deepEqual(await heard('nothing'), [])
})

test('SK-1: errors of a sink that begins afresh are told, and those of one that goes on fail it', async () => {
  assert.deepEqual(await heard('discarded', true), [
    'recover out/0 since 3',
    'commit out/0 a',
    'SINK_DISCARDED',
  ])
  await assert.rejects(heard('restored', true), { code: 'SINK_REFUSED' })
})
