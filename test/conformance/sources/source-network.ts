import assert from 'node:assert/strict'
import { systemClock } from '../../../src/base/clock.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { defineComponent, type Kind, list, port } from '../../../src/component/index.ts'
import type { Json } from '../../../src/model/network.ts'
import { assign } from '../../../src/run/assign.ts'
import type { InstanceManifest, SnapshotManifest } from '../../../src/snapshot/manifest.ts'
import { type PartReport, restoreOf } from '../../../src/snapshot/part.ts'
import { storageOver } from '../../../src/snapshot/storage/checked-storage.ts'
import { MemoryStorageBackend } from '../../../src/snapshot/storage/memory/memory-backend.ts'
import type { InstanceAssignment } from '../../../src/worker/assignment.ts'
import type { Instance } from '../../../src/worker/instance.ts'
import type { Journals } from '../../../src/worker/journal/journals.ts'
import { Worker } from '../../../src/worker/worker.ts'
import { eventually } from '../../support/eventually.ts'

export interface SourceUnderTest {
  readonly kind: Kind
  readonly config: Readonly<Record<string, Json>>
  /** Where its journals are; undefined for one that rewinds. */
  readonly journals?: Journals
  readonly journalBytesMax?: number
}

interface Life {
  readonly worker: Worker
  readonly generation: number
  readonly ids: readonly number[]
  readonly finished: Set<number>
  readonly reports: PartReport[]
  readonly logged: { readonly message: string; readonly details: unknown }[]
  failure: Error | undefined
}

/**
 * A network of a source, in any number of copies, and a component that keeps what comes in its state: snapshotted, ended at any moment,
 * and begun again from a snapshot, in one worker. What is in the state in the end is what was given, whatever happened between.
 */
export class SourceNetwork {
  readonly snapshots: SnapshotManifest[] = []
  private readonly source: SourceUnderTest
  private readonly storage = storageOver(new MemoryStorageBackend(), systemClock)
  private readonly keeper: Kind
  private life: Life | undefined
  private generation = 0
  private snapshot = 0

  constructor(source: SourceUnderTest) {
    this.source = source
    this.keeper = defineComponent({
      inputs: { in: port() },
      state: { seen: list<unknown>({ scope: 'instance' }) },
      on: {
        async in(message, { state }) {
          state.seen.push(message)
          // Slower than any source, so that there is a middle to stop in.
          await new Promise<void>((resolve) => {
            systemClock.after(1, resolve)
          })
        },
      },
    })
  }

  /** Goes on from the snapshot, else begins. Errors: those of `setup`. */
  async begin(instances = 1, from: SnapshotManifest | undefined = this.snapshots.at(-1)): Promise<void> {
    const generation = ++this.generation
    const { config } = this.source
    const base = 'file:///net.yaml'
    const { workers } = assign(
      {
        name: 'net',
        components: { source: { kind: 'source', config, instances, base }, keeper: { kind: 'keeper', base } },
        connections: [{ from: 'source.out', to: 'keeper.in', base }],
      },
      new Map([
        ['source', Array.from({ length: instances }, () => 0)],
        ['keeper', [0]],
      ]),
      { sources: new Set(['source']), limits: { queueMessagesMax: 16, parcelMessagesMax: 4 } },
    )
    const [assigned] = workers
    const all = assigned!.instances.map((one): InstanceAssignment => {
      const isSource = one.component === 'source'
      const restore = from && restoreOf(from, { ...one, isSource })
      const { journals, journalBytesMax: bytesMax } = this.source
      return {
        ...one,
        id: generation * 1000 + one.id,
        ...(restore && { restore }),
        ...(isSource && journals && { journal: { life: 1, ...(bytesMax !== undefined && { bytesMax }) } }),
      }
    })
    const assignment = { ...assigned!, generation, instances: all, takesSnapshots: true }
    const ids = all.map(({ id }) => id)
    const life: Omit<Life, 'worker'> & { worker?: Worker } = {
      generation,
      ids,
      finished: new Set(),
      reports: [],
      logged: [],
      failure: undefined,
    }
    life.worker = new Worker(assignment, {
      clock: systemClock,
      random: seededRandom(1),
      load: ({ address }) => Promise.resolve(address === 'source' ? this.source.kind : this.keeper),
      check: 'none',
      counters: { write: () => undefined, running: () => undefined, ready: () => undefined },
      snapshots: { storage: () => Promise.resolve(this.storage) },
      ...(this.source.journals && { journals: this.source.journals }),
      isolates: true,
      events: {
        finished: () => undefined,
        instanceFinished: (id) => life.finished.add(id),
        failed: (error) => (life.failure ??= error as Error),
        rejected: (_record, taken) => taken(),
        metric: () => undefined,
        logged: ({ message, details }, taken) => {
          life.logged.push({ message, details })
          taken()
        },
        part: (report) => life.reports.push(report),
      },
    })
    const before = this.life
    await life.worker.prepareNext(assignment)
    this.life = life as Life
    // As in a cluster: what ran before is closed when what comes next is ready.
    await before?.worker.close()
    life.worker.switchOver(new Map())
  }

  /** A snapshot that is kept; the oldest that is kept is told with it. */
  async take({ oldestKept }: { readonly oldestKept?: number } = {}): Promise<SnapshotManifest> {
    const { worker, generation, ids, reports } = this.running
    const snapshot = ++this.snapshot
    const predecessor = this.snapshots.at(-1)?.id ?? null
    const about = { generation, snapshot, incarnation: 1, predecessor }
    worker.snapshot({ type: 'begin', ...about, isAligned: true, alignMsMax: 5 })
    const parts = (): InstanceManifest[] =>
      reports.flatMap((report) => {
        if (report.snapshot !== snapshot) return []
        if (report.type === 'part-failed') assert.fail(JSON.stringify(report))
        return report.type === 'part-stored' ? [report.part] : []
      })
    await eventually('all parts of the snapshot are stored', () => parts().length === ids.length)
    const manifest: SnapshotManifest = {
      network: 'net',
      incarnation: 1,
      generation,
      id: snapshot,
      predecessor,
      instances: parts(),
    }
    this.snapshots.push(manifest)
    worker.snapshot({ type: 'committed', generation, snapshot, ...(oldestKept && { oldestKept }) })
    return manifest
  }

  get seen(): readonly unknown[] {
    return (this.keeperInstance.instanceState!.row('', undefined).slots[0] ?? []) as readonly unknown[]
  }

  /** Messages that the component has taken, in all its lives that this state is of. */
  get taken(): number {
    return this.life === undefined ? 0 : this.seen.length
  }

  get isFinished(): boolean {
    return this.running.ids.every((id) => this.running.finished.has(id))
  }

  get failure(): Error | undefined {
    return this.running.failure
  }

  get logged(): Life['logged'] {
    return this.running.logged
  }

  sources(): readonly Instance[] {
    return this.running.worker.hosted.filter(({ identity }) => identity.component === 'source')
  }

  async untilSeen(count: number): Promise<void> {
    await eventually(
      `the component has ${count} messages; it has ${this.taken}`,
      () => this.taken >= count || this.failure !== undefined,
      60_000,
    )
    assert.equal(this.failure, undefined)
  }

  async untilFinished(): Promise<void> {
    await eventually('all is finished', () => this.isFinished || this.failure !== undefined, 60_000)
    assert.equal(this.failure, undefined)
  }

  async close(): Promise<void> {
    await this.life?.worker.close()
  }

  private get running(): Life {
    assert.ok(this.life !== undefined, 'the network was begun')
    return this.life
  }

  private get keeperInstance(): Instance {
    return this.running.worker.hosted.find(({ identity }) => identity.component === 'keeper')!
  }
}
