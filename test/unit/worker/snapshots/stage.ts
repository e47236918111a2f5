import assert from 'node:assert/strict'
import { type Clock, systemClock } from '../../../../src/base/clock.ts'
import { seededRandom } from '../../../../src/base/random.ts'
import { defineSource, type Kind, port } from '../../../../src/component/index.ts'
import type { FlatNetwork } from '../../../../src/model/flatten.ts'
import type { ErrorPolicy } from '../../../../src/model/network.ts'
import { assign } from '../../../../src/run/assign.ts'
import type { InstanceManifest, SnapshotManifest } from '../../../../src/snapshot/manifest.ts'
import { type PartReport, restoreOf, type SnapshotMode } from '../../../../src/snapshot/part.ts'
import { storageOver } from '../../../../src/snapshot/storage/checked-storage.ts'
import { MemoryStorageBackend } from '../../../../src/snapshot/storage/memory/memory-backend.ts'
import type { NewKeyedState } from '../../../../src/state/keyed-state.ts'
import type { Instance } from '../../../../src/worker/instance.ts'
import { Worker } from '../../../../src/worker/worker.ts'
import { eventually } from '../../../support/eventually.ts'

/**
 * One component behind a source that never ends, on a worker, with real files of snapshots: it gets messages, a snapshot is taken, and
 * other code with another number of instances goes on from it.
 */

export interface Message {
  readonly key: string
  readonly n: number
}

interface Begun {
  readonly kind: Kind
  readonly instances?: number
  readonly messages?: readonly Message[]
  /** In place of one that sends `messages` and never ends. */
  readonly source?: Kind
  /** Copies of the source; given, they go on from `from` as well. */
  readonly sources?: number
  /** So many messages are handled before it is given. Default: all of `messages`. */
  readonly handles?: number
  readonly from?: SnapshotManifest
  /** The kind that wrote `from`. */
  readonly writer?: Kind
  readonly states?: NewKeyedState
  /** Of the component. */
  readonly errors?: ErrorPolicy
  /** Default: that of the system. */
  readonly clock?: Clock
}

const selector = { type: 'hash', key: 'key' } as const
let generation = 0

export class Stage {
  readonly backend = new MemoryStorageBackend()
  readonly storage = storageOver(this.backend, systemClock)
  private snapshot = 0

  /** Errors: those of the preparation. */
  async begin(begun: Begun): Promise<Running> {
    const { kind, instances = 1, messages = [], from, writer, states, errors, clock = systemClock } = begun
    const { source = sourceOf(messages), sources, handles = messages.length } = begun
    generation++
    const base = 'file:///net.yaml'
    const network: FlatNetwork = {
      name: 'net',
      components: {
        items: { kind: 'items', base, instances: sources ?? 1 },
        it: { kind: 'it', base, instances, ...(errors && { errors }) },
      },
      connections: [{ from: 'items.out', to: 'it.in', base, selector }],
    }
    const placement = new Map([
      ['items', Array.from({ length: sources ?? 1 }, () => 1)],
      ['it', Array.from({ length: instances }, () => 1)],
    ])
    const [assigned] = assign(network, placement, { sources: new Set(['items']) }).workers
    const assignment = {
      ...assigned!,
      generation,
      takesSnapshots: true,
      ...(states && { state: { backend: 'lmdb' as const } }),
      instances: assigned!.instances.map((one) => {
        const goesOn = one.component === 'it' || sources !== undefined
        const restore = from && goesOn ? restoreOf(from, one) : undefined
        const by = writer && { writer: { address: 'writer', base } }
        return { ...one, id: generation * 100 + one.id, ...(restore && { restore: { ...restore, ...by } }) }
      }),
    }
    const kinds = new Map<string, Kind>([
      ['items', source],
      ['it', kind],
    ])
    if (writer !== undefined) kinds.set('writer', writer)
    const reports: PartReport[] = []
    const failures: unknown[] = []
    const worker = new Worker(assignment, {
      clock,
      random: seededRandom(1),
      load: ({ address }) => Promise.resolve(kinds.get(address)),
      check: 'none',
      counters: { write: () => undefined, running: () => undefined, ready: () => undefined },
      snapshots: { storage: () => Promise.resolve(this.storage) },
      ...(states && { states: () => Promise.resolve(states) }),
      events: {
        finished: () => undefined,
        failed: (error) => failures.push(error),
        rejected: (_record, taken) => taken(),
        metric: () => undefined,
        logged: (_record, taken) => taken(),
        part: (report) => reports.push(report),
      },
    })
    try {
      await worker.prepareNext(assignment)
    } catch (error) {
      await worker.close()
      throw error
    }
    worker.switchOver(new Map())
    const running = new Running(this, worker, { generation, reports, failures })
    await running.handled(handles)
    return running
  }

  nextSnapshot(): number {
    return ++this.snapshot
  }
}

function sourceOf(messages: readonly Message[]): Kind {
  return defineSource({
    outputs: { out: port<Message>() },
    rewinds: true,
    setup({ signal }) {
      let sent = 0
      return {
        poll(_max, { emit }) {
          if (sent < messages.length) {
            emit.out(messages[sent++]!)
            return 'more'
          }
          return new Promise((resolve) => {
            signal.addEventListener('abort', () => resolve('done'), { once: true })
          })
        },
        positions: () => ({}),
      }
    },
  })
}

class Running {
  private readonly stage: Stage
  private readonly worker: Worker
  private readonly facts: {
    readonly generation: number
    readonly reports: PartReport[]
    readonly failures: readonly unknown[]
  }
  private last: SnapshotManifest | undefined

  constructor(stage: Stage, worker: Worker, facts: Running['facts']) {
    this.stage = stage
    this.worker = worker
    this.facts = facts
  }

  get instances(): readonly Instance[] {
    return this.worker.hosted.filter(({ identity }) => identity.component === 'it')
  }

  /** Of all instances, by key: what the states have. */
  get keyed(): Record<string, Record<string, unknown>> {
    const all = this.instances.flatMap(({ keyed, stateNames }) =>
      [...(keyed?.rows(systemClock.now()) ?? [])].map(({ key, slots }) => {
        const named = stateNames.filter(({ scope }) => scope === 'keyed')
        return [String(key), Object.fromEntries(named.map(({ name, slot }) => [name, slots[slot]]))] as const
      }),
    )
    assert.equal(new Set(all.map(([key]) => key)).size, all.length, 'no key has two owners')
    return Object.fromEntries(all.toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** The last snapshot that the source has taken the cut of. */
  get sourceCut(): number {
    return this.worker.hosted.find(({ identity }) => identity.component === 'items')!.lastCut
  }

  /** By instance. */
  get ofInstances(): Record<string, unknown>[] {
    return this.instances.map(({ instanceState, stateNames }) => {
      const { slots } = instanceState!.row('', undefined)
      const named = stateNames.filter(({ scope }) => scope === 'instance')
      return Object.fromEntries(named.map(({ name, slot }) => [name, slots[slot]]))
    })
  }

  async handled(count: number): Promise<void> {
    await eventually(`${count} messages to be handled`, async () => {
      if (this.facts.failures.length > 0) throw this.facts.failures[0] as Error
      return this.instances.reduce((sum, { received }) => sum + received, 0) >= count ? true : undefined
    })
  }

  async until(what: string, is: () => boolean): Promise<void> {
    await eventually(what, async () => {
      if (this.facts.failures.length > 0) throw this.facts.failures[0] as Error
      return is() ? true : undefined
    })
  }

  /** Takes a snapshot, and commits it. Default: a quiet one. */
  take(mode: SnapshotMode = { isAligned: true, alignMsMax: null }): Promise<SnapshotManifest> {
    return this.complete(this.beginSnapshot(mode))
  }

  beginSnapshot(mode: SnapshotMode): number {
    const snapshot = this.stage.nextSnapshot()
    const about = { generation: this.facts.generation, incarnation: 1, predecessor: this.last?.id ?? null }
    this.worker.snapshot({ type: 'begin', ...about, snapshot, ...mode })
    return snapshot
  }

  abort(snapshot: number): void {
    this.worker.snapshot({ type: 'aborted', generation: this.facts.generation, snapshot })
  }

  /** Waits for all parts of a snapshot, and commits it. */
  async complete(id: number): Promise<SnapshotManifest> {
    const manifest = await this.parts(id)
    this.worker.snapshot({ type: 'committed', generation: this.facts.generation, snapshot: id })
    this.last = manifest
    return manifest
  }

  /** Waits for all parts of a snapshot; this worker does not hear what becomes of it. */
  async parts(id: number): Promise<SnapshotManifest> {
    const { generation: of, reports } = this.facts
    const predecessor = this.last?.id ?? null
    const parts = new Map<number, InstanceManifest>()
    await eventually(`all parts of snapshot ${id}`, async () => {
      for (const report of reports.splice(0)) {
        if (report.type === 'part-failed') throw Object.assign(new Error(report.error.message), report.error)
        if (report.type === 'part-stored') parts.set(report.instance, report.part)
      }
      return parts.size === this.worker.hosted.length ? true : undefined
    })
    return { network: 'net', incarnation: 1, generation: of, id, predecessor, instances: [...parts.values()] }
  }

  close(): Promise<void> {
    return this.worker.close()
  }
}
