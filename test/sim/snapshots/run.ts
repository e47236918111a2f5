import assert from 'node:assert/strict'
import { type Random, seededRandom } from '../../../src/base/random.ts'
import type { FlatNetwork } from '../../../src/model/flatten.ts'
import { assign } from '../../../src/run/assign.ts'
import type { Placement } from '../../../src/run/place.ts'
import { QuietDetector } from '../../../src/run/quiet.ts'
import { collectable, unfitReferences } from '../../../src/snapshot/collection.ts'
import { manifestName, networkPrefix } from '../../../src/snapshot/file-names.ts'
import {
  decodeManifest,
  encodeManifest,
  type InstanceManifest,
  type SnapshotManifest,
} from '../../../src/snapshot/manifest.ts'
import {
  type PartReport,
  restoreOf,
  type SnapshotBegin,
  type SnapshotCommand,
} from '../../../src/snapshot/part.ts'
import { storageOver } from '../../../src/snapshot/storage/checked-storage.ts'
import { MemoryStorageBackend } from '../../../src/snapshot/storage/memory/memory-backend.ts'
import { promisesSettled } from '../../../src/testkit/cluster/simulated-time.ts'
import { inProcessLinks } from '../../../src/transport/in-process.ts'
import type { Link } from '../../../src/transport/link.ts'
import type { WorkerAssignment } from '../../../src/worker/assignment.ts'
import type { Instance } from '../../../src/worker/instance.ts'
import { Worker } from '../../../src/worker/worker.ts'
import { kindsWith } from './kinds.ts'
import { Published, publishedName, withSink } from './published.ts'
import { compareComponent, comparePublished, type SeenState } from './compare.ts'
import { type Arrivals, expectedOf, type RandomNetwork, randomNetwork, rescaled } from './networks.ts'
import { Target } from './target.ts'
import { type Thread, Threads } from './threads.ts'

/**
 * Random networks that are snapshotted, killed at any moment, and go on from the last committed snapshot with other workers and other
 * numbers of instances, until they are at their end. What is then in their state is what a plain loop makes of the same input.
 */

export interface SnapshotRun {
  readonly committed: number
  readonly aborted: number
  readonly kills: number
  readonly rescalings: number
  readonly withChannelState: number
  readonly messages: number
}

/** What is drawn otherwise. */
export interface SnapshotScenario {
  readonly network: FlatNetwork
  /** See `SnapshotMode`. */
  readonly alignMsMax: number | null
  /** A sink is full with so many items. Default: never. */
  readonly sinkItemsMax?: number
  /** A snapshot in flight is given up in one of so many steps. Default 300. */
  readonly abortOneIn?: number
  /** The next one begins in one of so many steps. Default 40. */
  readonly beginOneIn?: number
}

const stepsMax = 60_000
const workersMax = 3
/** Some promises need several turns of the event loop. */
const idleStepsMax = 200

interface Hosted {
  readonly worker: Worker
  readonly thread: Thread
  /** The control connection: in its order, at any time. */
  readonly commands: SnapshotCommand[]
}

/** `scenario`: the seed draws what happens, and in which order. */
export async function runSnapshots(seed: number, scenario?: SnapshotScenario): Promise<SnapshotRun> {
  const run = new Run(seed, scenario)
  await run.toTheEnd()
  return run.result
}

class Run {
  readonly result = { committed: 0, aborted: 0, kills: 0, rescalings: 0, withChannelState: 0, messages: 0 }
  private readonly chance: Random
  private readonly threads: Threads
  private readonly random: RandomNetwork
  private network: FlatNetwork
  private readonly backend = new MemoryStorageBackend()
  private readonly storage
  private readonly kinds
  private readonly published: Published
  private hosted: Hosted[] = []
  private generation = 0
  private ids: readonly number[] = []
  private finished = new Set<number>()
  private snapshot = 0
  private inFlight:
    { readonly begin: SnapshotBegin; readonly parts: Map<number, InstanceManifest> } | undefined
  private readonly reports: PartReport[] = []
  private last: SnapshotManifest | undefined
  private killsLeft: number
  private detector = new QuietDetector()
  private readonly overtakes: boolean
  private readonly target = new Target()
  private expected: Arrivals | undefined

  private readonly scenario: Partial<SnapshotScenario>

  constructor(seed: number, scenario?: SnapshotScenario) {
    this.scenario = scenario ?? {}
    this.chance = seededRandom(seed)
    this.threads = new Threads(this.chance)
    const random = scenario === undefined ? randomNetwork(this.chance) : fixedNetwork(scenario.network)
    this.random = { ...random, network: withSink(random.network, this.chance) }
    this.network = this.random.network
    this.storage = storageOver(this.backend, this.threads.time)
    // Of a third of the seeds, sinks are full now and then.
    const { sinkItemsMax = seed % 3 === 0 ? 3 : Infinity } = this.scenario
    this.published = new Published(this.chance, this.threads.time, () => this.last?.id ?? 0, sinkItemsMax)
    this.kinds = new Map([...kindsWith(this.chance, this.target), ['publish', this.published.kind]])
    this.killsLeft = this.chance.int(5)
    this.overtakes = this.chance.int(2) === 0
  }

  async toTheEnd(): Promise<void> {
    await this.begin()
    let lastFinal = false
    let idle = 0
    for (let steps = 0; ; steps++) {
      if (steps >= stepsMax) assert.fail(`not at its end: ${this.standing}`)
      const wasDoing = await this.threads.step()
      this.control()
      if (steps % 10 === 0 && this.isAtRest()) for (const { worker } of this.hosted) worker.endBackEdges()
      if (this.killsLeft > 0 && this.chance.int(250) === 0) {
        await this.kill()
        continue
      }
      if (this.isFinished) {
        if (lastFinal) break
        // The last snapshot of a finite network has all of it (SN-6).
        const before = this.snapshot
        if (
          this.last !== undefined &&
          this.last.instances.every(({ isFinished }) => isFinished) &&
          before > 0
        ) {
          this.compare()
          await this.kill()
          lastFinal = true
        }
        continue
      }
      idle = wasDoing || !this.isIdle ? 0 : idle + 1
      if (idle >= idleStepsMax) assert.fail(`nothing goes on: ${this.standing}`)
    }
    this.compare()
  }

  private isAtRest(): boolean {
    // An instance that is over is closed here, which a run's probe does not know.
    const isOver = ({ state }: Instance): boolean => state === 'finished' || state === 'closed'
    const probes = this.hosted.map(({ worker }) => ({
      ...worker.probe(),
      isQuiet: worker.hosted.every((instance) => isOver(instance) || instance.isQuiet),
    }))
    return this.detector.round(probes)
  }

  private get isFinished(): boolean {
    return this.ids.every((id) => this.finished.has(id))
  }

  private get isIdle(): boolean {
    return (
      this.inFlight !== undefined &&
      this.reports.length === 0 &&
      this.hosted.every(({ commands }) => commands.length === 0)
    )
  }

  private get standing(): string {
    const instances = this.hosted.flatMap(({ worker }) => worker.hosted)
    return JSON.stringify({
      inFlight: this.inFlight?.begin,
      probes: this.hosted.map(({ worker }) => worker.probe()),
      kinds: Object.values(this.network.components).map(({ kind, instances }) => `${kind} ${instances}`),
      parts: [...(this.inFlight?.parts.values() ?? [])].map(
        ({ component, instance }) => `${component}[${instance}]`,
      ),
      instances: instances.map(({ place, state, queuedMessages }) => `${place} ${state} ${queuedMessages}`),
    })
  }

  /** What the coordinator does, at any time. */
  private control(): void {
    const { chance } = this
    const { beginOneIn = 40, abortOneIn = 300 } = this.scenario
    const some = this.hosted[chance.int(this.hosted.length)]!
    if (some.commands.length > 0 && chance.int(3) === 0) some.worker.snapshot(some.commands.shift()!)
    if (this.reports.length > 0 && chance.int(3) === 0) this.heard(this.reports.shift()!)
    if (this.inFlight === undefined) {
      if (chance.int(beginOneIn) === 0 || this.isFinished) this.beginSnapshot()
    } else if (chance.int(abortOneIn) === 0) this.abort()
  }

  private beginSnapshot(): void {
    this.snapshot++
    const { generation, snapshot, last } = this
    const begin: SnapshotBegin = {
      type: 'begin',
      generation,
      snapshot,
      incarnation: 1,
      predecessor: last?.id ?? null,
      isAligned: true,
      alignMsMax: this.alignMsMax,
    }
    this.inFlight = { begin, parts: new Map() }
    for (const { commands } of this.hosted) commands.push(begin)
  }

  private get alignMsMax(): number | null {
    const { alignMsMax } = this.scenario
    if (alignMsMax !== undefined) return alignMsMax
    return this.overtakes ? this.chance.int(6) : null
  }

  private abort(): void {
    this.result.aborted++
    this.tell('aborted')
    this.inFlight = undefined
  }

  /** Such words may be lost (PT-3). */
  private tell(type: 'committed' | 'aborted'): void {
    const { generation, snapshot } = this.inFlight!.begin
    for (const { commands } of this.hosted)
      if (this.chance.int(4) > 0) commands.push({ type, generation, snapshot })
  }

  private heard(report: PartReport): void {
    if (report.generation !== this.generation || report.snapshot !== this.inFlight?.begin.snapshot) return
    if (report.type === 'part-late') return
    assert.equal(report.type, 'part-stored', JSON.stringify(report))
    if (report.type !== 'part-stored') return
    const { parts } = this.inFlight
    assert.ok(!parts.has(report.instance), 'a part came twice')
    parts.set(report.instance, report.part)
    if (this.ids.every((id) => parts.has(id))) this.commit()
  }

  private commit(): void {
    const { begin, parts } = this.inFlight!
    const manifest: SnapshotManifest = {
      network: 'net',
      incarnation: 1,
      generation: this.generation,
      id: begin.snapshot,
      predecessor: begin.predecessor,
      instances: [...parts.values()],
    }
    assert.deepEqual(unfitReferences(manifest, this.last), [])
    this.last = decodeManifest('m', encodeManifest(manifest), {
      network: 'net',
      incarnation: 1,
      id: begin.snapshot,
    })
    this.result.committed++
    if (manifest.instances.some(({ hasChannelState }) => hasChannelState)) this.result.withChannelState++
    this.tell('committed')
    this.inFlight = undefined
    // What is not needed is deleted at once: so it shows where something is read that may be gone.
    for (const name of collectable({
      incarnation: 1,
      lastCommitted: manifest.id,
      kept: [manifest],
      keptManifests: [manifestName({ network: 'net', incarnation: 1 }, manifest.id)],
      present: [...this.backend.objects.keys()].filter((name) => name.startsWith(networkPrefix('net'))),
    }))
      this.backend.objects.delete(name)
  }

  private async kill(): Promise<void> {
    this.killsLeft--
    this.result.kills++
    this.countMessages()
    this.threads.killAll()
    this.inFlight = undefined
    this.reports.length = 0
    const canMove = this.last?.instances.every((part) => !part.hasChannelState) !== false
    if (canMove && this.chance.int(2) === 0) {
      this.network = rescaled(this.random, this.chance)
      this.result.rescalings++
    }
    await this.begin()
  }

  private countMessages(): void {
    for (const { worker } of this.hosted)
      for (const { received } of worker.hosted) this.result.messages += received
  }

  private async begin(): Promise<void> {
    const generation = ++this.generation
    this.detector = new QuietDetector()
    const { chance, last } = this
    const count = 1 + chance.int(workersMax)
    const placement: Placement = new Map(
      Object.entries(this.network.components).map(([name, { instances = 1 }]) => [
        name,
        Array.from({ length: instances }, () => 1 + chance.int(count)),
      ]),
    )
    const limits = { queueMessagesMax: 2 + chance.int(30), parcelMessagesMax: 1 + chance.int(8) }
    const { workers } = assign(this.network, placement, { sources: new Set(), limits })
    const all = workers.map((assignment): WorkerAssignment => {
      const instances = assignment.instances.map((instance) => {
        const restore = last && restoreOf(last, instance)
        return { ...instance, id: generation * 1000 + instance.id, ...(restore && { restore }) }
      })
      return { ...assignment, generation, instances, takesSnapshots: true }
    })
    this.ids = all.flatMap(({ instances }) => instances.map(({ id }) => id))
    this.finished = new Set()
    this.hosted = all.map((assignment) => this.host(assignment))
    const prepared = Promise.all(this.hosted.map(({ worker }) => worker.prepareNext(worker.assignment)))
    const progress = { isPrepared: false }
    const done = prepared.then(() => (progress.isPrepared = true))
    while (!progress.isPrepared) {
      // While it recovers, too.
      if (this.killsLeft > 0 && chance.int(150) === 0) {
        prepared.catch(() => undefined)
        await this.kill()
        return
      }
      await this.threads.step()
      await Promise.race([done, promisesSettled()])
    }
    await done
    const links = this.links(all)
    for (const { worker } of this.hosted) worker.switchOver(links.get(worker.assignment.worker)!)
  }

  private host(assignment: WorkerAssignment): Hosted {
    const thread = this.threads.add()
    const { generation } = this
    const worker = new Worker(assignment, {
      clock: thread,
      random: seededRandom(assignment.worker),
      load: ({ address }) => Promise.resolve(this.kinds.get(address)),
      check: 'none',
      counters: { write: () => undefined, running: () => undefined, ready: () => undefined },
      snapshots: { storage: () => Promise.resolve(this.storage) },
      events: {
        finished: () => undefined,
        instanceFinished: (id) => this.finished.add(id),
        failed: (error) => assert.fail(error as Error),
        rejected: (_record, taken) => taken(),
        metric: () => undefined,
        logged: (_record, taken) => taken(),
        part: (report) => {
          if (this.generation === generation) this.reports.push(report)
        },
      },
    })
    return { worker, thread, commands: [] }
  }

  private links(all: readonly WorkerAssignment[]): Map<number, Map<number, Link>> {
    const links = new Map(all.map(({ worker }) => [worker, new Map<number, Link>()]))
    for (const { worker, peers } of all)
      for (const peer of peers) {
        if (peer < worker) continue
        const [here, there] = inProcessLinks(this.threads.add())
        links.get(worker)!.set(peer, here)
        links.get(peer)!.set(worker, there)
      }
    return links
  }

  private compare(): void {
    this.expected ??= expectedOf(this.random.network)
    const { expected } = this
    this.published.compare(expected[`${publishedName}.in`] ?? expected[publishedName] ?? {})
    const instances = this.hosted.flatMap(({ worker }) => worker.hosted)
    for (const [name, { kind }] of Object.entries(this.network.components)) {
      const own = instances.filter(({ identity }) => identity.component === name)
      compareComponent({ name, kind, states: own.map(stateOf) }, expected)
      if (kind === 'outlet') comparePublished(name, this.target.rows.get(name) ?? [], expected)
    }
  }
}

function stateOf(instance: Instance): SeenState {
  const names = (scope: string): string[] =>
    instance.stateNames.filter((state) => state.scope === scope).map(({ name }) => name)
  const keyed = names('keyed')
  return {
    rows: [...(instance.keyed?.rows(0) ?? [])].map(({ key, slots }) => ({
      key: key as string,
      slots: Object.fromEntries(keyed.map((name, slot) => [name, slots[slot]])),
    })),
    instance: Object.fromEntries(
      names('instance').map((name, slot) => [name, instance.instanceState!.row('', undefined).slots[slot]]),
    ),
  }
}

function fixedNetwork(network: FlatNetwork): RandomNetwork {
  return { network, mayRescale: new Set() }
}
