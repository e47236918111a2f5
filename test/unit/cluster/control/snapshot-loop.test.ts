import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { systemRandom } from '../../../../src/base/random.ts'
import { defaultRestartPolicy, Manager } from '../../../../src/cluster/control/index.ts'
import type { SnapshotTakers } from '../../../../src/cluster/control/snapshot-loop.ts'
import {
  asNodeId,
  asVersion,
  ClusterKeys,
  desiredRecord,
  NetworkView,
  nodeRecord,
  type Plan,
  type PlannedInstance,
  readyRecord,
  versionRecord,
  wantedRecord,
} from '../../../../src/cluster/protocol/index.ts'
import { allNames, storageOver } from '../../../../src/snapshot/storage/checked-storage.ts'
import { MemoryStorageBackend } from '../../../../src/snapshot/storage/memory/memory-backend.ts'
import type { SnapshotStorage } from '../../../../src/snapshot/storage/storage.ts'
import { getManifest } from '../../../../src/snapshot/stored-manifest.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import { isUnchanged, put } from '../../../../src/store/operations.ts'
import { LeaseKeeper } from '../../../../src/store/recipes/index.ts'
import type { Store } from '../../../../src/store/store.ts'
import { versionOf } from '../../../scenario/support/networks.ts'
import { eventually } from '../../../support/eventually.ts'

/** A manager over a store, with nodes that are played: what they are asked, and what becomes of it. */

const keys = new ClusterKeys('c')
const network = keys.network('net')
const n1 = asNodeId('n1')

class Stage {
  readonly store: Store
  readonly storage: SnapshotStorage
  readonly begun: number[] = []
  /** How long barriers wait before they overtake, of each. */
  readonly waits: (number | null)[] = []
  readonly troubles: string[] = []
  /** Of troubles. */
  readonly codes: unknown[] = []
  readonly keeper: LeaseKeeper
  /** Of components: what an instance does when it is asked for its part. */
  readonly late = new Set<string>()
  readonly finished = new Set<string>()
  failing: Error | undefined
  /** What the store says of the network is to be read whole. */
  isSound = true
  #manager: Manager | undefined

  constructor() {
    const random = systemRandom
    this.store = storeOver(new MemoryBackend({ clock: systemClock }), systemClock)
    this.storage = storageOver(new MemoryStorageBackend(), systemClock)
    this.keeper = new LeaseKeeper(this.store, { clock: systemClock, random })
  }

  async manage(): Promise<void> {
    await this.#manager?.close()
    const lease = await this.keeper.hold({ ttlMs: 5_000 })
    this.#manager = new Manager({
      store: this.store,
      keys,
      clock: systemClock,
      lease,
      node: n1,
      restarts: defaultRestartPolicy,
      events: {
        elected: () => undefined,
        deposed: () => undefined,
        decided: () => undefined,
        troubled: (what, error) => {
          this.troubles.push(`${what}: ${error.message}`)
          this.codes.push((error as { readonly code?: unknown }).code)
        },
      },
      snapshots: {
        takers: this.#takers,
        storages: {
          defaultAddress: 'file:///snapshots',
          open: async () => {
            if (this.failing !== undefined) throw this.failing
            return this.storage
          },
        },
      },
    })
  }

  readonly #takers: SnapshotTakers = {
    take: (node, name, begin, signal) => this.#take(node, name, begin, signal),
  }

  async *#take(...[node, name, begin, signal]: Parameters<SnapshotTakers['take']>) {
    assert.deepEqual([node, name], [n1, 'net'])
    this.begun.push(begin.snapshot)
    this.waits.push(begin.alignMsMax)
    const { plan } = await this.read()
    if (plan?.value.generation !== begin.generation) return
    for (const { id, component, index } of plan.value.instances) {
      if (this.late.has(component)) {
        const { generation, snapshot } = begin
        const waitsFor = 'what it has at work'
        yield { type: 'part-late' as const, generation, snapshot, instance: id as number, waitsFor }
        if (!signal.aborted) await once(signal, 'abort')
      }
      yield {
        type: 'part-stored' as const,
        generation: begin.generation,
        snapshot: begin.snapshot,
        instance: id as number,
        part: {
          component,
          instance: index,
          instances: 1,
          isFinished: this.finished.has(component),
          hasChannelState: false,
          keyGroups: null,
          stateVersion: 0,
          files: [],
        },
        alignedMs: 0,
        storedMs: 0,
      }
    }
  }

  async read(): Promise<NetworkView> {
    const view = new NetworkView('net', network)
    for (const entry of (await this.store.range(network.prefix)).entries) view.apply(entry.key, entry)
    if (this.isSound) assert.deepEqual([...view.faults.values()], [])
    return view
  }

  async deploy(version: number, lines: readonly string[], snapshot: object = {}): Promise<void> {
    const record = versionOf(version, lines)
    const flat = {
      ...record.flat,
      guarantee: 'exactly-once' as const,
      snapshot: { intervalMs: 50, ...snapshot },
    }
    await this.#want(
      version,
      'run',
      put(network.version(asVersion(version)), versionRecord.encode({ ...record, flat })),
    )
  }

  stop(version: number): Promise<void> {
    return this.#want(version, 'stop')
  }

  async #want(
    version: number,
    goal: 'run' | 'stop',
    ...more: readonly ReturnType<typeof put>[]
  ): Promise<void> {
    const desired = desiredRecord.encode({ version: asVersion(version), goal, changedAtMs: 0 })
    await this.store.transact({ then: [put(network.desired, desired), ...more] })
  }

  async join(): Promise<void> {
    const record = nodeRecord.encode({
      id: n1,
      incarnation: 'life',
      version: '1',
      protocol: { min: 1, max: 1 },
      machine: 'm',
      pid: 1,
      processStart: '1',
      joinedAtMs: 0,
      control: { host: '127.0.0.1', port: 1 },
      groups: [],
      labels: {},
      workers: 2,
    })
    await this.store.transact({ then: [put(keys.node(n1), record)] })
  }

  /** The node says so of the newest plan, as soon as there is one that `is` it. */
  async ready(is: (plan: Plan) => boolean, { failed = '', finished = '' } = {}): Promise<Plan> {
    const plan = await this.until('a plan', async () => {
      const { plan: newest } = await this.read()
      return newest !== undefined && is(newest.value) ? newest.value : undefined
    })
    const idsOf = (what: (one: PlannedInstance) => boolean) => plan.instances.filter(what).map(({ id }) => id)
    const error = { code: 'COMPONENT_FAILED', message: 'broken' }
    const isOther = ({ component }: PlannedInstance): boolean => ![failed, finished].includes(component)
    const record = readyRecord.encode({
      node: n1,
      incarnation: 'life',
      generation: plan.generation,
      ready: idsOf(isOther),
      finished: idsOf(({ component }) => component === finished || finished === '*'),
      failed: idsOf(({ component }) => component === failed).map((instance) => ({ instance, error })),
      workers: plan.workers.map(({ worker }) => ({ worker, address: { host: 'h', port: 1 } })),
    })
    await this.store.transact({ then: [put(network.readyAt(plan.generation, n1), record)] })
    return plan
  }

  until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    return eventually(what, look)
  }

  committed(than = 0): Promise<number> {
    return this.until(`a snapshot behind ${than}`, async () => {
      const id = (await this.read()).snapshots.committed?.value.id
      return id !== undefined && id > than ? id : undefined
    })
  }

  async close(): Promise<void> {
    await this.#manager?.close()
    await this.keeper.close()
    await this.store.close()
  }
}

async function staged(test: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = new Stage()
  try {
    await stage.join()
    await stage.manage()
    await test(stage)
  } finally {
    await stage.close()
  }
}

const isNew =
  (than = 0) =>
  (plan: Plan): boolean =>
    plan.generation > than

describe('snapshots of a managed network', () => {
  it('are committed one after the other, with manifests, and no more are kept than are to be', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source', 'b', 'a -> b'], { keep: 2 })
      await stage.ready(isNew())
      let id = 0
      for (let count = 0; count < 4; count++) id = await stage.committed(id)
      const { snapshots } = await stage.read()
      assert.ok(snapshots.kept.size <= 2)
      const { manifest, incarnation, generation } = snapshots.committed!.value
      const read = await getManifest(stage.storage, manifest, { network: 'net', incarnation })
      assert.deepEqual(read.instances.map(({ component }) => component).toSorted(), ['a', 'b'])
      assert.equal(read.generation, generation)
      assert.deepEqual(
        stage.begun,
        stage.begun.toSorted((a, b) => a - b),
      )
      assert.deepEqual(stage.troubles, [])
    }))

  it('are what the next generation goes on from when an instance has failed', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source', 'b', 'a -> b'])
      const first = await stage.ready(isNew())
      assert.equal(first.restores, undefined)
      await stage.committed()
      await stage.ready(isNew(), { failed: 'b' })
      const next = await stage.ready(isNew(first.generation))
      const { snapshots } = await stage.read()
      assert.equal(next.restores?.id, [...snapshots.kept.values()].at(-1)!.value.id)
      const before = new Set(first.instances.map((one) => one.id))
      assert.ok(next.instances.every((one) => !before.has(one.id)))
      const id = await stage.committed(next.restores.id)
      assert.equal((await stage.read()).snapshots.committed!.value.predecessor, next.restores.id)
      assert.ok(id > next.restores.id)
    }))

  it('are neither replaced nor gone on without where the record of the last one is damaged', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source', 'b', 'a -> b'])
      const { generation } = await stage.ready(isNew())
      await stage.committed()
      const key = network.snapshots.committed
      stage.isSound = false
      const [whole, damaged] = await stage.until('nothing is committed while it is damaged', async () => {
        const { entry } = await stage.store.get(key)
        const content = entry!.value.subarray(0, -3)
        const compare = [isUnchanged(key, entry)]
        const { succeeded } = await stage.store.transact({ compare, then: [put(key, content)] })
        return succeeded ? [entry!.value, content] : undefined
      })
      await stage.ready(isNew(), { failed: 'b' })
      const told = (): number => stage.codes.filter((code) => code === 'STORE_CORRUPT').length
      // Once more after it was to go on without the instance that has failed.
      const before = told()
      await stage.until('it is told', async () => told() > before + 2 || undefined)
      assert.equal((await stage.read()).plan?.value.generation, generation)
      assert.deepEqual((await stage.store.get(key)).entry?.value, damaged)

      await stage.store.transact({ then: [put(key, whole)] })
      stage.isSound = true
      const next = await stage.ready(isNew(generation))
      assert.equal(next.restores?.id, (await stage.read()).snapshots.committed!.value.id)
    }))

  it('go on under another manager, with ids that nobody had (SN-1)', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source'])
      await stage.ready(isNew())
      const id = await stage.committed()
      await stage.manage()
      const next = await stage.committed(Math.max(id, ...stage.begun))
      assert.ok(next > 128, `${next} is of another block`)
    }))

  it('are kept under a name when one is wanted', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source'], { intervalMs: 3_600_000 })
      await stage.ready(isNew())
      const wanted = wantedRecord.encode({ by: 'me', atMs: 0 })
      await stage.store.transact({ then: [put(network.snapshots.wantedAs('before upgrade'), wanted)] })
      await stage.committed()
      const { snapshots } = await stage.read()
      assert.deepEqual([snapshots.committed!.value.names, snapshots.wanted.size], [['before upgrade'], 0])
    }))

  it('are aborted, with the reason, where an instance is late, and tried again', () =>
    staged(async (stage) => {
      stage.late.add('a')
      await stage.deploy(1, ['a source'], { timeoutMs: 150 })
      await stage.ready(isNew())
      const aborted = await stage.until('an abort', async () => (await stage.read()).snapshots.aborted?.value)
      assert.equal(aborted.code, 'SNAPSHOT_TIMED_OUT')
      assert.match(aborted.reason, /a\[0\] had not given its part/)
      const told = stage.codes.indexOf('SNAPSHOT_LATE')
      assert.match(stage.troubles[told] ?? '', /^snapshot \d+ of "net": .* at a\[0\]: what it has at work/)
      stage.late.clear()
      await stage.committed(aborted.id)
    }))

  it('let barriers overtake when the network says, and never in the last one (SN-8)', () =>
    staged(async (stage) => {
      const waitsOf = async (version: number, snapshot: object): Promise<readonly (number | null)[]> => {
        await stage.deploy(version, ['a source'], { intervalMs: 3_600_000, ...snapshot })
        await stage.ready((plan) => plan.version === version && plan.instances.length > 0)
        stage.waits.length = 0
        const wanted = wantedRecord.encode({ by: 'me', atMs: 0 })
        await stage.store.transact({ then: [put(network.snapshots.wantedAs(`of ${version}`), wanted)] })
        await stage.until('it to be taken', async () => {
          const { snapshots } = await stage.read()
          return snapshots.wanted.size === 0 ? snapshots : undefined
        })
        const during = [...stage.waits]
        await stage.stop(version)
        await stage.until('it to have stopped', async () => {
          const { outcome } = await stage.read()
          return outcome?.value.state === 'stopped' && outcome.value.version === version ? outcome : undefined
        })
        return [...new Set(during), stage.waits.at(-1)!]
      }
      assert.deepEqual(await waitsOf(1, {}), [1_000, null])
      assert.deepEqual(await waitsOf(2, { alignMsMax: 250 }), [250, null])
      assert.deepEqual(await waitsOf(3, { alignMsMax: 0 }), [0, null])
      // Else a full sink, which takes messages again when a snapshot is late, would have it given up first, each time.
      assert.deepEqual(await waitsOf(4, { alignMsMax: 60_000, timeoutMs: 30_000 }), [15_000, null])
    }))

  it('are aborted where the storage takes none', () =>
    staged(async (stage) => {
      stage.failing = new Error('no room')
      await stage.deploy(1, ['a source'])
      await stage.ready(isNew())
      const aborted = await stage.until('an abort', async () => (await stage.read()).snapshots.aborted?.value)
      assert.equal(aborted.reason, 'no room')
      stage.failing = undefined
      await stage.committed(aborted.id)
    }))

  it('end a network that is to stop with a last one, and so does one that has finished (SN-6)', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source'], { intervalMs: 3_600_000 })
      await stage.ready(isNew())
      await stage.until('it to be open', async () => (await stage.read()).open)
      await stage.stop(1)
      await stage.until('it to have stopped', async () => {
        const { outcome } = await stage.read()
        return outcome?.value.state === 'stopped' ? outcome : undefined
      })
      let { snapshots } = await stage.read()
      const [last] = [...snapshots.kept.values()]
      assert.deepEqual([last?.value.isLast, snapshots.committed], [true, undefined])

      stage.finished.add('a')
      await stage.deploy(2, ['a source'], { intervalMs: 3_600_000 })
      const plan = await stage.ready((newest) => newest.version === 2 && newest.instances.length > 0)
      assert.equal(plan.restores, undefined, 'it begins afresh')
      await stage.until('it to be open', async () => {
        const { open } = await stage.read()
        return open?.value.generation === plan.generation ? open : undefined
      })
      await stage.ready(isNew(), { finished: '*' })
      await stage.until('it to have finished', async () => {
        const { outcome } = await stage.read()
        return outcome?.value.state === 'finished' ? outcome : undefined
      })
      ;({ snapshots } = await stage.read())
      assert.deepEqual([...snapshots.kept.values()].at(-1)!.value.finished, [{ component: 'a', index: 0 }])
    }))

  it('leave only manifests of their own in the storage', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source'])
      await stage.ready(isNew())
      await stage.committed()
      for await (const name of allNames(stage.storage, '')) assert.match(name, /^net\/\d+\/\d+\/manifest$/)
    }))
})
