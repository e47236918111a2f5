import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type NetworkRecords, networkStatus } from '../../../../src/cluster/client/status.ts'
import {
  asGeneration,
  asInstanceId,
  asNodeId,
  asTerm,
  asVersion,
  asWorkerNumber,
  type NetworkOutcome,
  type Plan,
} from '../../../../src/cluster/protocol/index.ts'

function plan(version: number, generation: number): Plan {
  return {
    network: 'net',
    generation: asGeneration(generation),
    parent: asGeneration(generation - 1),
    term: asTerm(1),
    version: asVersion(version),
    workers: [],
    instances: [],
    connections: {},
    waiting: [],
    done: [],
    failures: [],
    nextWorker: asWorkerNumber(1),
    nextInstance: asInstanceId(0),
    nextConnection: 0,
  }
}

function records(
  wanted: number,
  more: {
    planned?: Plan
    open?: number
    outcome?: Pick<NetworkOutcome, 'state' | 'fallback'> & { version: number }
  },
): NetworkRecords {
  const { planned, open, outcome } = more
  return {
    name: 'net',
    desired: { version: asVersion(wanted), goal: 'run', changedAtMs: 0 },
    plan: planned,
    open: open === undefined ? undefined : { generation: asGeneration(open), workers: [] },
    outcome: outcome && {
      ...outcome,
      version: asVersion(outcome.version),
      generation: asGeneration(1),
      atMs: 0,
    },
    versions: new Map(),
    ready: [],
  }
}

const stateOf = (given: NetworkRecords): string => networkStatus(given).state

test('a version that is wanted and not planned yet is deploying, though the one before runs', () => {
  assert.equal(stateOf(records(1, {})), 'deploying')
  assert.equal(stateOf(records(1, { planned: plan(1, 1) })), 'deploying')
  assert.equal(stateOf(records(1, { planned: plan(1, 1), open: 1 })), 'running')
  assert.equal(
    stateOf(records(2, { planned: plan(1, 1), open: 1, outcome: { version: 1, state: 'running' } })),
    'deploying',
  )
  assert.equal(stateOf(records(2, { planned: plan(2, 2), open: 1 })), 'deploying')
  assert.equal(stateOf(records(2, { planned: plan(2, 2), open: 2 })), 'running')
})

test('where a version was refused, the one before it runs on', () => {
  const given = records(2, {
    planned: plan(1, 1),
    open: 1,
    outcome: { version: 2, state: 'refused', fallback: asVersion(1) },
  })
  assert.equal(stateOf(given), 'running')
  assert.equal(networkStatus(given).refused?.version, 2)
  const next = records(3, {
    planned: plan(1, 1),
    open: 1,
    outcome: { version: 2, state: 'refused', fallback: asVersion(1) },
  })
  assert.equal(stateOf(next), 'deploying')
})

test('a network of which nothing ever ran has failed when it is refused', () => {
  const outcome = { version: 1, state: 'refused' } as const
  assert.equal(stateOf(records(1, { outcome })), 'failed')
  assert.equal(stateOf(records(1, { planned: plan(1, 2), outcome })), 'failed')
  const placed = { component: 'a', index: 0, reason: 'no node' }
  const before = { ...plan(1, 1), waiting: [placed] }
  assert.equal(stateOf(records(1, { planned: before, outcome })), 'deploying', 'it is yet to be taken down')
})

test('a network without components runs on where its first component was refused', () => {
  const planned = { ...plan(1, 3), fallback: asVersion(1) }
  const outcome = { version: 2, state: 'refused' } as const
  assert.equal(stateOf(records(2, { planned, outcome })), 'running')
})

test('of one that waits for its journal it is told until when all is in a snapshot', () => {
  const placed = {
    component: 'a',
    index: 0,
    reason: 'Its journal is on n1, which is not there.',
    sinceMs: 9_000,
  }
  const home = { component: 'a', index: 0, node: asNodeId('n1'), life: 0 }
  const told = (homes: Plan['homes'], more: object): unknown => {
    const planned = { ...plan(1, 1), waiting: [placed], ...(homes && { homes }) }
    return networkStatus({ ...records(1, { planned }), ...more }).instances.find(
      ({ state }) => state === 'waiting',
    )
  }
  const waits = { ...placed, state: 'waiting' }
  const committed = { id: 3, committedAtMs: 5_000, tookMs: 200, bytes: 1 }
  assert.deepEqual(told([home], { committed }), { ...waits, savedUntilMs: 4_800 })
  assert.deepEqual(told([home], { committed: undefined }), { ...waits, savedUntilMs: 0 })
  // A watcher knows no snapshot; of files, and of a journal that all nodes share, nothing is lost.
  assert.deepEqual(told([home], {}), waits)
  assert.deepEqual(told([{ ...home, files: 'machine' }], { committed }), waits)
  assert.deepEqual(told([{ component: 'a', index: 0, life: 0 }], { committed }), waits)
  assert.deepEqual(told(undefined, { committed }), waits)
})

test('deaths of nodes are told while what they are blamed on does not run', () => {
  const nodes = [asNodeId('n1'), asNodeId('n2')]
  const died: Plan = { ...plan(1, 3), deaths: [{ component: 'a', count: 2, lastAtMs: 0, nodes }] }
  const held: Plan = { ...died, waiting: [{ component: 'a', index: 0, reason: 'It is held back.' }] }
  const failuresOf = (planned: Plan, open?: number): string[] =>
    networkStatus(records(1, { planned, ...(open !== undefined && { open }) })).failures.map(
      ({ component, error }) => `${component} ${error.code}`,
    )
  assert.deepEqual(failuresOf(died), ['a NODES_DIED'])
  assert.deepEqual(failuresOf(held, 3), ['a NODES_DIED'])
  assert.deepEqual(failuresOf(died, 3), [])
})

test('one that was stopped tells what there is to know of its end, and not that snapshots fail', () => {
  const error = { code: 'SNAPSHOT_LAST_MISSING', message: 'Without a last one.' }
  const aborted = {
    id: 3,
    generation: asGeneration(1),
    atMs: 5,
    isLast: true,
    code: 'DISK_FULL',
    reason: 'Full.',
  }
  const before = { ...records(1, { planned: plan(1, 1), open: 1 }), aborted }
  assert.equal(networkStatus(before).snapshots?.failing?.code, 'DISK_FULL')
  const given = records(1, { planned: plan(1, 2), outcome: { version: 1, state: 'stopped' } })
  const ended = {
    ...given,
    aborted,
    desired: { ...given.desired, goal: 'stop' as const },
    outcome: { ...given.outcome!, error },
  }
  const { state, error: told, snapshots } = networkStatus(ended)
  assert.deepEqual({ state, told, snapshots }, { state: 'stopped', told: error, snapshots: undefined })
})
