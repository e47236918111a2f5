import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultRestartPolicy } from '../../../../src/cluster/control/index.ts'
import { type LoopMeans, NetworkLoop } from '../../../../src/cluster/control/network-loop.ts'
import {
  asTerm,
  asVersion,
  ClusterKeys,
  ClusterView,
  desiredRecord,
} from '../../../../src/cluster/protocol/index.ts'
import type { Transaction } from '../../../../src/store/store.ts'
import { eventLoopTurn, TestClock } from '../../../../src/testkit/test-clock.ts'

/** A network whose version is not there: the decision is an outcome, over and over. */
function loopWith(results: readonly { readonly succeeded: boolean; readonly revision: number }[]) {
  const clock = new TestClock()
  const keys = new ClusterKeys('c')
  const view = new ClusterView(keys)
  const key = keys.network('net').desired
  const value = desiredRecord.encode({ version: asVersion(1), goal: 'run', changedAtMs: 0 })
  view.apply(key, { key, value, createRevision: 5, modRevision: 5, version: 1, lease: undefined })
  const written: Transaction[] = []
  const transact = async (transaction: Transaction) => {
    const { succeeded, revision } = results[written.length] ?? { succeeded: false, revision: 1_000 }
    written.push(transaction)
    return { succeeded, revision, results: [] }
  }
  const events = {
    elected() {},
    deposed() {},
    decided() {},
    troubled: (_: string, error: Error) => assert.fail(error),
  }
  const leadership = { transact, signal: new AbortController().signal } as unknown as LoopMeans['leadership']
  const loop = new NetworkLoop('net', {
    clock,
    events,
    view,
    leadership,
    restarts: defaultRestartPolicy,
    term: asTerm(1),
  })
  const advance = async (ms: number): Promise<void> => {
    await eventLoopTurn()
    clock.advance(ms)
    await eventLoopTurn()
  }
  return { loop, written, advance }
}

test('NL-1: a transaction that failed at a revision of which no facts come is decided upon again', async () => {
  const { loop, written, advance } = loopWith([
    { succeeded: false, revision: 99 },
    { succeeded: true, revision: 6 },
  ])
  loop.facts(5)
  await advance(0)
  assert.equal(written.length, 1)
  await advance(100)
  assert.equal(written.length, 2)
  loop.close()
  await loop.ended
})

test('NL-1: what was written is not decided upon again before its facts are there, or long due', async () => {
  const { loop, written, advance } = loopWith([{ succeeded: true, revision: 6 }])
  loop.facts(5)
  await advance(500)
  assert.equal(written.length, 1)
  loop.facts(6)
  await advance(0)
  assert.equal(written.length, 2)
  loop.close()
  await loop.ended
})
