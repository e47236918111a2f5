import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { seededRandom } from '../../../../src/base/random.ts'
import { defineComponent, type Kind, port, value } from '../../../../src/component/index.ts'
import type { FlatNetwork } from '../../../../src/model/flatten.ts'
import { assign } from '../../../../src/run/assign.ts'
import { restoreOf } from '../../../../src/snapshot/part.ts'
import type { SnapshotStorage } from '../../../../src/snapshot/storage/storage.ts'
import type { WorkerAssignment } from '../../../../src/worker/assignment.ts'
import { Worker } from '../../../../src/worker/worker.ts'
import { eventually } from '../../../support/eventually.ts'
import { type Message, Stage } from './stage.ts'

let setups = 0
let closes = 0

const kind: Kind = defineComponent({
  inputs: { in: port<Message>() },
  state: { sum: value(0) },
  setup: () => {
    setups++
    return {
      on: { in: ({ n }, { state }) => void state.sum.update((sum) => sum + n) },
      close: () => void closes++,
    }
  },
})

test('an instance that is given up while its state is read is not set up any more', async () => {
  const stage = new Stage()
  const before = await stage.begin({ kind, messages: [{ key: 'k', n: 1 }] })
  const from = await before.take()
  await before.close()
  assert.deepEqual([setups, closes], [1, 1])

  const reading = Promise.withResolvers<SnapshotStorage>()
  let reads = 0
  const components = { it: { kind: 'it', base: 'file:///net.yaml', instances: 1 } }
  const network: FlatNetwork = { name: 'net', components, connections: [] }
  const [only] = assign(network, new Map([['it', [1]]]), { sources: new Set() }).workers
  /** The instance is another one in each. */
  const assigned = (generation: number): WorkerAssignment => ({
    ...only!,
    generation,
    takesSnapshots: true,
    instances: only!.instances.map((one) => ({ ...one, id: generation, restore: restoreOf(from, one)! })),
  })
  const worker = new Worker(assigned(1), {
    clock: systemClock,
    random: seededRandom(1),
    load: () => Promise.resolve(kind),
    check: 'none',
    counters: { write: () => undefined, running: () => undefined, ready: () => undefined },
    snapshots: {
      storage: () => {
        reads++
        return reads === 1 ? reading.promise : Promise.resolve(stage.storage)
      },
    },
    events: {
      finished: () => undefined,
      failed: assert.ifError,
      rejected: (_record, taken) => taken(),
      metric: () => undefined,
      logged: (_record, taken) => taken(),
    },
  })
  const first = worker.prepareNext(assigned(1))
  await eventually('the first one reads', () => reads === 1)
  assert.equal(await worker.prepareNext(assigned(2)), true)
  assert.equal(await first, false)
  assert.equal(setups, 2)
  reading.resolve(stage.storage)
  // This one begins to read later, so the first has read all when it is set up.
  assert.equal(await worker.prepareNext(assigned(3)), true)
  await worker.close()
  assert.deepEqual([setups, closes], [3, 3])
})
