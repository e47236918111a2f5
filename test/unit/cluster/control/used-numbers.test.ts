import assert from 'node:assert/strict'
import { test } from 'node:test'
import { usedNumbers } from '../../../../src/cluster/control/used-numbers.ts'
import { nextGeneration } from '../../../../src/cluster/plan/numbers.ts'
import { openJournal } from '../../../../src/journal/open.ts'
import {
  asGeneration,
  asInstanceId,
  asNodeId,
  asTerm,
  asVersion,
  asWorkerNumber,
  ClusterKeys,
  closedRecord,
  NetworkView,
  openRecord,
  outcomeRecord,
  type Plan,
  planRecord,
  readyRecord,
  standstill,
  usedNumbersRecord,
} from '../../../../src/cluster/protocol/index.ts'
import { errorCode } from '../../../support/error-code.ts'
import { makeFolder } from '../../journal/support.ts'

const keys = new ClusterKeys('c').network('net')

/** A network of which the store has these records. */
function view(records: Readonly<Record<string, Uint8Array>>): NetworkView {
  const made = new NetworkView('net', keys)
  let revision = 0
  for (const [key, value] of Object.entries(records))
    made.apply(key, { key, value, createRevision: 1, modRevision: ++revision, version: 1, lease: undefined })
  return made
}

const numbers = usedNumbersRecord.encode({
  generation: asGeneration(7),
  nextWorker: asWorkerNumber(12),
  nextInstance: asInstanceId(40),
  nextConnection: 3,
})
const plan: Plan = {
  network: 'net',
  generation: asGeneration(9),
  parent: asGeneration(8),
  term: asTerm(1),
  version: asVersion(1),
  workers: [],
  instances: [],
  connections: {},
  waiting: [],
  done: [],
  failures: [],
  nextWorker: asWorkerNumber(14),
  nextInstance: asInstanceId(2),
  nextConnection: 5,
}
const nothing = { generation: 0, nextWorker: 0, nextInstance: 0, nextConnection: 0 }

test('PL-6: a network of which nothing is known has used nothing', () => {
  assert.deepEqual(usedNumbers(view({})), nothing)
})

test('PL-6: where the plan is gone, what stands beside it says which numbers were used', () => {
  assert.deepEqual(usedNumbers(view({ [keys.numbers]: numbers })), {
    generation: 7,
    nextWorker: 12,
    nextInstance: 40,
    nextConnection: 3,
  })
})

test('PL-6: a plan of a version that writes nothing beside it counts as well', () => {
  const { generation, nextWorker, nextInstance, nextConnection } = plan
  assert.deepEqual(usedNumbers(view({ [keys.numbers]: numbers, [keys.plan]: planRecord.encode(plan) })), {
    generation,
    nextWorker,
    nextInstance,
    nextConnection,
  })
})

test('PL-6: of a plan of such a version that is gone, what other records name was used', () => {
  const address = { host: 'h', port: 1 }
  const at = (number: number) => ({ worker: asWorkerNumber(number), address })
  const open = openRecord.encode({ generation: asGeneration(8), workers: [at(15), at(3)] })
  const closed = closedRecord.encode({ generation: asGeneration(11) })
  const outcome = outcomeRecord.encode({
    version: asVersion(1),
    generation: asGeneration(10),
    state: 'running',
    atMs: 0,
  })
  const ready = readyRecord.encode({
    node: asNodeId('n1'),
    incarnation: '1',
    generation: asGeneration(12),
    ready: [],
    finished: [],
    failed: [],
    workers: [at(20)],
  })
  const used = (records: Parameters<typeof view>[0]): readonly number[] => {
    const { generation, nextWorker } = usedNumbers(view({ [keys.numbers]: numbers, ...records }))
    return [generation, nextWorker]
  }
  assert.deepEqual(used({ [keys.open]: open }), [8, 16])
  assert.deepEqual(used({ [keys.open]: open, [keys.outcome]: outcome }), [10, 16])
  assert.deepEqual(used({ [keys.closed]: closed }), [11, 12])
  const readyAt = keys.readyAt(asGeneration(12), asNodeId('n1'))
  assert.deepEqual(used({ [keys.closed]: closed, [readyAt]: ready }), [12, 21])
})

test('PL-6: in a store that was filled from a backup, numbers go on behind all that may have been used since', () => {
  const known = { [keys.numbers]: numbers, [keys.plan]: planRecord.encode(plan) }
  const { generation, nextWorker, nextInstance } = usedNumbers(view(known), 1_700_000_000_999)
  assert.deepEqual([generation, nextWorker, nextInstance], [1_700_000_000, 1_700_000_000, 2])
})

test('PL-6: a journal that has seen more than the backup takes what goes on from there', async (t) => {
  const folder = makeFolder(t)
  const before = await openJournal({ folder, generation: 50 })
  await before.append(Buffer.from('acknowledged after the backup'))
  await before.close()
  const known = { [keys.numbers]: numbers, [keys.plan]: planRecord.encode(plan) }
  const next = (restoredAtMs?: number): number =>
    nextGeneration({ current: plan, used: usedNumbers(view(known), restoredAtMs) })
  assert.equal(await errorCode(openJournal({ folder, generation: next() })), 'JOURNAL_SEALED')
  const after = await openJournal({ folder, generation: next(1_700_000_000_999) })
  assert.equal(after.end, 1)
  await after.close()
})

test('a damaged record of them is of no account beside a plan, and without one the network stands', () => {
  const damaged = Buffer.from(numbers)
  damaged[damaged.indexOf('"generation":') + 13]! ^= 1
  const beside = view({ [keys.numbers]: damaged, [keys.plan]: planRecord.encode(plan) })
  assert.equal(standstill(beside), undefined)
  assert.equal(usedNumbers(beside).generation, 9)
  const fault = standstill(view({ [keys.numbers]: damaged }))
  assert.equal(fault?.code, 'STORE_CORRUPT')
  assert.match(fault.remedy, /`vertigo store delete clusters\/c\/networks\/net\/numbers --store <url>`/)
})
