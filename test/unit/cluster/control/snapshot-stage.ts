import assert from 'node:assert/strict'
import { once } from 'node:events'
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
  protocolSpoken,
  readyRecord,
  versionRecord,
} from '../../../../src/cluster/protocol/index.ts'
import type { FileReference } from '../../../../src/snapshot/manifest.ts'
import { storageOver } from '../../../../src/snapshot/storage/checked-storage.ts'
import { MemoryStorageBackend } from '../../../../src/snapshot/storage/memory/memory-backend.ts'
import type { SnapshotStorage } from '../../../../src/snapshot/storage/storage.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import { put } from '../../../../src/store/operations.ts'
import { LeaseKeeper } from '../../../../src/store/recipes/index.ts'
import type { Store } from '../../../../src/store/store.ts'
import { versionOf } from '../../../scenario/support/networks.ts'
import { eventually } from '../../../support/eventually.ts'

/** A manager over a store, with nodes that are played: what they are asked, and what becomes of it. */

const keys = new ClusterKeys('c')
export const network = keys.network('net')
const n1 = asNodeId('n1')

export class Stage {
  readonly store: Store
  readonly storage: SnapshotStorage
  readonly begun: number[] = []
  /** How long barriers wait before they overtake, of each. */
  readonly waits: (number | null)[] = []
  /** What each may have in its manifest of an instance. */
  readonly inlines: (number | undefined)[] = []
  /** Those that were to be whole. */
  readonly wholes: number[] = []
  /** What the storage is found to be. */
  place = { isNew: false, isStill: true }
  readonly troubles: string[] = []
  /** Of troubles. */
  readonly codes: unknown[] = []
  /** Kinds of what was decided. */
  readonly decided: string[] = []
  /** The store takes no word of aborts until then. */
  slow: Promise<void> | undefined
  readonly keeper: LeaseKeeper
  /** Of components: what an instance does when it is asked for its part. */
  readonly late = new Set<string>()
  readonly finished = new Set<string>()
  /** What those that have finished refer to. */
  readonly finishedFiles: FileReference[] = []
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
      store: this.#slowed(),
      keys,
      clock: systemClock,
      lease,
      node: n1,
      restarts: defaultRestartPolicy,
      events: {
        elected: () => undefined,
        deposed: () => undefined,
        decided: (_network, _what, kind) => void this.decided.push(kind),
        troubled: (what, error) => {
          this.troubles.push(`${what}: ${error.message}`)
          this.codes.push((error as { readonly code?: unknown }).code)
        },
      },
      snapshots: {
        takers: this.#takers,
        places: {
          check: async () => {
            const { isNew } = this.place
            this.place = { ...this.place, isNew: false }
            return isNew
          },
          isStill: async () => this.place.isStill,
        },
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

  #slowed(): Store {
    return new Proxy(this.store, {
      get: (store, name) => {
        if (name !== 'transact') {
          const value: unknown = Reflect.get(store, name, store)
          return typeof value === 'function' ? (value.bind(store) as unknown) : value
        }
        return async (...args: Parameters<Store['transact']>) => {
          const isAbort = args[0].then?.some((one) => 'key' in one && one.key === network.snapshots.aborted)
          if (isAbort === true) await this.slow
          return store.transact(...args)
        }
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
    this.inlines.push(begin.inlineBytesMax)
    if (begin.isWhole === true) this.wholes.push(begin.snapshot)
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
          files: this.finished.has(component) ? this.finishedFiles : [],
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

  async join(protocol: { readonly min: number; readonly max: number } = protocolSpoken): Promise<void> {
    const record = nodeRecord.encode({
      id: n1,
      incarnation: 'life',
      version: '1',
      protocol,
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

export async function staged(test: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = new Stage()
  try {
    await stage.join()
    await stage.manage()
    await test(stage)
  } finally {
    await stage.close()
  }
}

export const isNew =
  (than = 0) =>
  (plan: Plan): boolean =>
    plan.generation > than
