import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultRestartPolicy } from '../../../../src/cluster/control/index.ts'
import { type LoopMeans, NetworkLoop } from '../../../../src/cluster/control/network-loop.ts'
import {
  asGeneration,
  asInstanceId,
  asTerm,
  asVersion,
  asWorkerNumber,
  ClusterKeys,
  ClusterView,
  desiredRecord,
  type KindFacts,
  planRecord,
  versionRecord,
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

/** A network of one component that has failed three times, the last time now. What the loop writes is there at once. */
function pausedNetwork(clock: LoopMeans['clock'], nowMs: number) {
  const keys = new ClusterKeys('c')
  const net = keys.network('net')
  const view = new ClusterView(keys)
  let revision = 0
  const write = (key: string, value: Uint8Array): void => {
    revision++
    view.apply(key, { key, value, createRevision: 1, modRevision: revision, version: 1, lease: undefined })
  }
  const version = asVersion(1)
  const flat = { name: 'net', components: { a: { kind: 'file:///a.ts', base: 'file:///' } }, connections: [] }
  const kind: KindFacts = {
    role: 'source',
    inputs: [],
    outputs: [],
    keyedState: false,
    instanceState: false,
    rewinds: false,
    inMain: false,
  }
  const error = { code: 'COMPONENT_FAILED', message: 'it fails' }
  write(net.desired, desiredRecord.encode({ version, goal: 'run', changedAtMs: 0 }))
  write(
    net.version(version),
    versionRecord.encode({
      version,
      flat,
      kinds: { a: kind },
      createdAtMs: 0,
      by: 'test',
      change: 'deploy',
    }),
  )
  write(
    net.plan,
    planRecord.encode({
      network: 'net',
      generation: asGeneration(3),
      parent: asGeneration(2),
      term: asTerm(1),
      version,
      workers: [],
      instances: [],
      connections: {},
      done: [],
      waiting: [],
      failures: [{ component: 'a', count: 3, lastAtMs: nowMs, error }],
      nextWorker: asWorkerNumber(3),
      nextInstance: asInstanceId(3),
      nextConnection: 1,
    }),
  )
  const plans: (readonly string[])[] = []
  const transact = async ({ then = [] }: Transaction) => {
    for (const one of then) if (one.type === 'put') write(one.key, one.value)
    plans.push(view.networks.get('net')!.plan!.value.waiting.map(({ reason }) => reason))
    setImmediate(() => loop.facts(revision))
    return { succeeded: true, revision, results: [] }
  }
  const loop = new NetworkLoop('net', {
    clock,
    events: { elected() {}, deposed() {}, decided() {}, troubled: (_, error) => assert.fail(error) },
    view,
    leadership: { transact, signal: new AbortController().signal } as unknown as LoopMeans['leadership'],
    restarts: defaultRestartPolicy,
    term: asTerm(1),
  })
  return { loop, plans, facts: () => loop.facts(revision) }
}

test('DE-7: a clock that is set back, at whichever reading, does not delay a restart beyond the longest pause', async () => {
  for (let truthful = 1; truthful <= 4; truthful++) {
    const clock = new TestClock()
    let readings = 0
    const setBack: LoopMeans['clock'] = {
      now: () => clock.now() - (readings++ < truthful ? 0 : 3_600_000),
      monotonic: () => clock.monotonic(),
      after: (delayMs, action) => clock.after(delayMs, action),
      every: (periodMs, action) => clock.every(periodMs, action),
      soon: (action) => clock.soon(action),
    }
    const { loop, plans, facts } = pausedNetwork(setBack, clock.now())
    facts()
    for (let turn = 0; turn < 5; turn++) await eventLoopTurn()
    assert.match(plans[0]![0]!, /is tried again after a pause/)
    clock.advance(defaultRestartPolicy.delayMsMax)
    for (let turn = 0; turn < 5; turn++) await eventLoopTurn()
    assert.doesNotMatch(plans.at(-1)![0]!, /is tried again after a pause/, `${truthful} true readings`)
    loop.close()
    await loop.ended
  }
})
