import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { systemRandom } from '../../../src/base/random.ts'
import { defaultRestartPolicy } from '../../../src/cluster/control/index.ts'
import { NetworkLoop } from '../../../src/cluster/control/network-loop.ts'
import {
  asTerm,
  asVersion,
  ClusterKeys,
  ClusterView,
  desiredRecord,
  nodeRecord,
  type Plan,
  versionRecord,
} from '../../../src/cluster/protocol/index.ts'
import { put, remove } from '../../../src/store/operations.ts'
import { Election, LeaseKeeper } from '../../../src/store/recipes/index.ts'
import type { Operation, Store } from '../../../src/store/store.ts'
import { versionOf } from '../../scenario/support/networks.ts'
import { nodeNamed } from '../../unit/cluster/node-record.ts'
import { subjects, useOf } from './subjects.ts'

/** PL-6, over the real stores: which numbers the next plan has where somebody deletes the one before. */

const keys = new ClusterKeys('c')
const network = keys.network('net')

async function read(store: Store): Promise<{ readonly view: ClusterView; readonly revision: number }> {
  const view = new ClusterView(keys)
  const { entries, revision } = await store.range(keys.prefix)
  for (const entry of entries) view.apply(entry.key, entry)
  return { view, revision }
}

/** Somebody who leads, and decides once, by what the store says, each time that it is asked: gives the plan that it wrote. */
async function withManager(
  store: Store,
  test: (decide: () => Promise<Plan>) => Promise<void>,
): Promise<void> {
  const means = { clock: systemClock, random: systemRandom }
  const keeper = new LeaseKeeper(store, means)
  try {
    const lease = await keeper.hold({ ttlMs: 120_000 })
    const leadership = await new Election(store, keys.manager, means).campaign(lease, { node: 'n1' })
    await test(async () => {
      const { view, revision } = await read(store)
      await new Promise<void>((resolve, reject) => {
        const loop = new NetworkLoop('net', {
          clock: systemClock,
          restarts: defaultRestartPolicy,
          view,
          leadership,
          term: asTerm(leadership.token),
          events: {
            elected: () => undefined,
            deposed: () => undefined,
            decided(_, what, kind) {
              loop.close()
              if (kind === 'planned') resolve()
              else reject(new Error(what))
            },
            troubled(_, error) {
              loop.close()
              reject(error)
            },
          },
        })
        loop.facts(revision)
      })
      return (await read(store)).view.networks.get('net')!.plan!.value
    })
  } finally {
    await keeper.close()
  }
}

/** A network of these lines, and a node. Gives what is written where the node comes back: then it has other workers. */
async function deployed(store: Store, lines: readonly string[]): Promise<Operation> {
  const node = nodeNamed('n1')
  const write = (incarnation: string): Operation =>
    put(keys.node(node.id), nodeRecord.encode({ ...node, incarnation }))
  const version = asVersion(1)
  const wanted = desiredRecord.encode({ version, goal: 'run', changedAtMs: 0 })
  const record = versionRecord.encode(versionOf(1, lines))
  await store.transact({
    then: [put(network.desired, wanted), put(network.version(version), record), write('first')],
  })
  return write('second')
}

const workersOf = ({ workers }: Plan): readonly number[] => workers.map(({ worker }) => worker)

for (const subject of subjects) {
  const use = useOf(subject)
  describe(`numbers of plans: ${subject.name}`, { skip: subject.missing ?? false }, () => {
    it('PL-6: what follows a plan that was deleted uses none of its numbers', () =>
      use((store) =>
        withManager(store, async (decide) => {
          const again = await deployed(store, ['a source x2', 'b x2', 'a -> b'])
          const plans = [await decide()]
          await store.transact({ then: [again] })
          plans.push(await decide())
          for (let round = 0; round < 2; round++) {
            await store.transact({ then: [remove(network.plan)] })
            plans.push(await decide())
          }
          assert.deepEqual(
            plans.map(({ generation, parent }) => [generation, parent]),
            [
              [1, 0],
              [2, 1],
              [3, 0],
              [4, 0],
            ],
          )
          const workers = plans.flatMap(workersOf)
          assert.equal(new Set(workers).size, workers.length, workers.join(', '))
          const ids = plans.flatMap(({ instances }) => instances.map(({ id }) => id))
          assert.equal(new Set(ids).size, ids.length, ids.join(', '))
        }),
      ))

    it('PL-6: what stands beside the plan may be damaged, and is mended by the next one', () =>
      use((store) =>
        withManager(store, async (decide) => {
          const again = await deployed(store, ['a source'])
          await decide()
          await store.transact({
            then: [put(network.numbers, Buffer.from('no longer what it was')), again],
          })
          assert.equal((await decide()).generation, 2)
          const { numbers, faults } = (await read(store)).view.networks.get('net')!
          assert.deepEqual([numbers?.value.generation, faults.size], [2, 0])
        }),
      ))
  })
}
