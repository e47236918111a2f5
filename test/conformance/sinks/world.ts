import assert from 'node:assert/strict'
import { type Cancel, type Clock, sleep, systemClock } from '../../../src/base/clock.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { defineSource, type Kind, port, type Sink } from '../../../src/component/index.ts'
import { kindDefinition, makeKind } from '../../../src/component/kind.ts'
import type { FlatNetwork } from '../../../src/model/flatten.ts'
import type { Json } from '../../../src/model/network.ts'
import { assign } from '../../../src/run/assign.ts'
import type { InstanceManifest, SnapshotManifest } from '../../../src/snapshot/manifest.ts'
import { type PartReport, restoreOf, type SnapshotBegin } from '../../../src/snapshot/part.ts'
import { storageOver } from '../../../src/snapshot/storage/checked-storage.ts'
import { MemoryStorageBackend } from '../../../src/snapshot/storage/memory/memory-backend.ts'
import type { Store } from '../../../src/store/store.ts'
import type { WorkerAssignment } from '../../../src/worker/assignment.ts'
import { Worker } from '../../../src/worker/worker.ts'

/**
 * A network of a source and a sink, of which a test plays the manager and the store: it says when snapshots begin, which are committed, who
 * hears of it, and when everything dies. What dies goes on for as long as it can without time, as a process does that was stopped and
 * does not know yet that it has been replaced.
 */

export interface Message {
  readonly key: string
  readonly number: number
}

export type Step = 'prepare' | 'commit' | 'recover'

/** Asked before and after each step of a sink. What it throws or waits for, the step does. */
/** `refused`: a commit that was not taken, since somebody else writes under the name by now. */
export type Moment = 'before' | 'after' | 'refused'
export type Interfere = (step: Step, at: Moment, life: number) => void | Promise<void>

export interface SinkWorldOptions {
  readonly kind: Kind
  readonly config: Readonly<Record<string, Json>>
  readonly instances?: number
  readonly store?: Store
  readonly incarnation?: number
}

const deadlineMs = 20_000

export class SinkWorld {
  /** Asked for each step of all sinks. */
  interfere: Interfere = () => undefined
  instances: number
  readonly failures: unknown[] = []
  readonly log: string[] = []
  readonly finished = new Set<number>()
  life = 0
  private readonly options: SinkWorldOptions
  private readonly storage = storageOver(new MemoryStorageBackend(), systemClock)
  private readonly feed = new Feed()
  private worker: Worker | undefined
  private clock = new EndingClock()
  private ids: readonly number[] = []
  private id = 0
  private generation = 0
  private last: SnapshotManifest | undefined
  private parts = new Map<number, InstanceManifest>()
  private partFailures: PartReport[] = []
  private begun = 0
  /** Commits. */
  private readonly under = { way: 0 }
  private killing = Promise.withResolvers<never>()

  constructor(options: SinkWorldOptions) {
    this.options = options
    this.instances = options.instances ?? 1
  }

  /** Messages for the source, with numbers of their own. */
  send(...keys: readonly string[]): readonly Message[] {
    return this.feed.add(keys)
  }

  /** The source has no more. */
  end(): void {
    this.feed.isEnded = true
    this.feed.wake()
  }

  get committed(): number | undefined {
    return this.last?.id
  }

  /** A generation that goes on from the last committed snapshot, or begins. Errors: those of the preparation. */
  async start({
    upTo,
    discards = false,
  }: {
    readonly upTo?: { incarnation: number; id: number }
    /** The sink begins afresh; the source goes on. */
    readonly discards?: boolean
  } = {}): Promise<void> {
    this.life++
    this.generation++
    this.clock = new EndingClock()
    this.finished.clear()
    const network: FlatNetwork = {
      name: 'net',
      components: {
        feed: { kind: 'feed', base: 'file:///net' },
        out: { kind: 'out', base: 'file:///net', instances: this.instances, config: this.options.config },
      },
      connections: [
        { from: 'feed.out', to: 'out.in', base: 'file:///net', selector: { type: 'hash', key: 'key' } },
      ],
    }
    const placement = new Map([
      ['feed', [1]],
      ['out', Array.from({ length: this.instances }, () => 1)],
    ])
    const { workers } = assign(network, placement, { sources: new Set() })
    const [plain] = workers
    const assignment: WorkerAssignment = {
      ...plain!,
      generation: this.generation,
      takesSnapshots: true,
      cluster: 'test',
      instances: plain!.instances.map((one) => {
        const restore = this.last && restoreOf(this.last, one)
        const id = this.generation * 100 + one.id
        if (restore === undefined) return { ...one, id }
        const name = discards && one.component === 'out' ? 'discarded' : 'restore'
        return { ...one, id, [name]: { ...restore, ...(upTo && { upTo }) } }
      }),
    }
    this.ids = assignment.instances.map(({ id }) => id)
    const worker = this.makeWorker(assignment)
    this.worker = worker
    // A source that was over is not set up.
    this.feed.from = this.feed.all.length
    await worker.prepareNext(assignment)
    worker.switchOver(new Map())
  }

  /** Waits until nobody commits. */
  async idle(): Promise<void> {
    await until(() => this.under.way === 0, 'nobody commits')
  }

  /** Messages that have come to the sinks of now. */
  get received(): number {
    return this.worker!.hosted.filter(({ identity }) => identity.component === 'out').reduce(
      (sum, { received }) => sum + received,
      0,
    )
  }

  /** Waits until all that was sent has come to the sinks. */
  async handled(): Promise<void> {
    await until(() => this.received === this.feed.all.length - this.feed.from, 'all that was sent is handled')
  }

  /** All parts of a snapshot are there. Errors: that of the first part that failed. */
  async snapshot(): Promise<number> {
    const id = ++this.id
    this.parts = new Map()
    this.partFailures = []
    this.begun = id
    const begin: SnapshotBegin = {
      type: 'begin',
      generation: this.generation,
      snapshot: id,
      incarnation: this.options.incarnation ?? 1,
      predecessor: this.last?.id ?? null,
      isAligned: true,
      alignMsMax: null,
    }
    this.worker!.snapshot(begin)
    await until(() => this.parts.size === this.ids.length || this.partFailures.length > 0, `parts of ${id}`)
    const [failed] = this.partFailures
    if (failed?.type === 'part-failed') throw new Error(failed.error.message)
    return id
  }

  /** Errors: `killed`, where somebody kills it meanwhile. */
  async snapshotUnlessKilled(): Promise<void> {
    await Promise.race([this.snapshot(), this.killing.promise])
  }

  async startUnlessKilled(): Promise<void> {
    await Promise.race([this.start(), this.killing.promise])
  }

  /** The store has it. Nobody has been told. */
  commit(): void {
    this.last = {
      network: 'net',
      incarnation: this.options.incarnation ?? 1,
      generation: this.generation,
      id: this.begun,
      predecessor: this.last?.id ?? null,
      instances: this.ids.map((id) => this.parts.get(id)!),
    }
  }

  tell(): void {
    this.worker!.snapshot({ type: 'committed', generation: this.generation, snapshot: this.last!.id })
  }

  abort(): void {
    this.worker!.snapshot({ type: 'aborted', generation: this.generation, snapshot: this.begun })
  }

  /** A snapshot, its commit, and the word of it. */
  async publish(): Promise<void> {
    await this.handled()
    await this.snapshot()
    this.commit()
    this.tell()
  }

  /** Snapshots until all have finished: what has come to its end between two of them publishes with the next. */
  async finish(): Promise<void> {
    this.end()
    await until(async () => {
      if (!this.allFinished) await this.publish()
      return this.allFinished
    }, 'all have finished')
  }

  /** The next life goes on from nothing, as a network that was stopped and is deployed anew; ids of snapshots are not used again. */
  forgetSnapshots(): void {
    this.last = undefined
    this.feed.leave()
    this.generation++
  }

  /** The store is as it was then: what was committed since is gone from it, and from the storage of snapshots as well. */
  get restorePoint(): () => void {
    const { last, id } = this
    return () => {
      this.last = last
      this.id = id
    }
  }

  /** Time stands still for it. What it has under way in the world goes on. */
  kill(): void {
    this.clock.end()
    this.replace()
  }

  /** It goes on, and does not know that somebody else is in its place. */
  replace(): void {
    this.worker = undefined
    this.feed.leave()
    this.generation++
    const { killing } = this
    this.killing = Promise.withResolvers()
    killing.promise.catch(() => undefined)
    killing.reject(new Error('killed'))
  }

  async close(): Promise<void> {
    const { worker } = this
    this.worker = undefined
    await worker?.close()
    this.clock.end()
  }

  private makeWorker(assignment: WorkerAssignment): Worker {
    const { generation, clock, life } = this
    const isMine = (): boolean => this.generation === generation
    const sinks = interfered(this.options.kind, this.under, (step, at) => this.interfere(step, at, life))
    const { store } = this.options
    return new Worker(assignment, {
      clock,
      random: seededRandom(generation),
      load: ({ address }) => Promise.resolve(address === 'feed' ? this.feed.kind() : sinks),
      check: 'none',
      isolates: true,
      counters: { write: () => undefined, running: () => undefined, ready: () => undefined },
      snapshots: { storage: () => Promise.resolve(this.storage) },
      ...(store && { openStore: () => Promise.resolve(store) }),
      events: {
        finished: () => undefined,
        instanceFinished: (id) => void (isMine() && this.finished.add(id)),
        failed: (error) => void (isMine() && this.failures.push(error)),
        rejected: (_record, taken) => taken(),
        metric: () => undefined,
        logged: ({ message }, taken) => {
          this.log.push(message)
          taken()
        },
        part: (report) => {
          if (!isMine() || report.snapshot !== this.begun) return
          if (report.type === 'part-stored') this.parts.set(report.instance, report.part)
          if (report.type === 'part-failed') this.partFailures.push(report)
        },
      },
    })
  }

  get allFinished(): boolean {
    return this.ids.every((id) => this.finished.has(id))
  }
}

/** What was sent, which a source goes through from its position. */
class Feed {
  readonly all: Message[] = []
  isEnded = false
  /** Where the source of now began. */
  from = 0
  private waiting: (() => void)[] = []
  private life = 0

  add(keys: readonly string[]): readonly Message[] {
    const added = keys.map((key, at): Message => ({ key, number: this.all.length + at }))
    this.all.push(...added)
    this.wake()
    return added
  }

  wake(): void {
    const { waiting } = this
    this.waiting = []
    for (const resolve of waiting) resolve()
  }

  /** The source of now polls no more. */
  leave(): void {
    this.life++
    this.waiting = []
  }

  kind(): Kind {
    const life = this.life
    return defineSource({
      outputs: { out: port<Message>() },
      rewinds: true,
      setup: ({ positions }) => {
        let at = (positions?.['feed']?.position as number | undefined) ?? 0
        this.from = at
        return {
          poll: async (max, { emit }) => {
            while (at >= this.all.length && !this.isEnded)
              await new Promise<void>((resolve) => {
                this.waiting.push(resolve)
              })
            if (life !== this.life) return 'more'
            for (let some = 0; some < max && at < this.all.length; some++) emit.out(this.all[at++]!)
            return this.isEnded && at >= this.all.length ? 'done' : 'more'
          },
          positions: () => ({ feed: { version: 1, position: at } }),
        }
      },
    })
  }
}

/** The kind with somebody who meddles with each step of its sink. */
function interfered(
  kind: Kind,
  under: { way: number },
  interfere: (step: Step, at: Moment) => void | Promise<void>,
): Kind {
  const definition = kindDefinition(kind)
  const setup = definition.setup as ((context: object) => unknown) | undefined
  const wrap = (sink: Sink): Sink => ({
    isFull: () => sink.isFull?.() === true,
    prepare: (snapshot) => {
      const before = interfere('prepare', 'before')
      const prepared = sink.prepare(snapshot)
      const after = (value: unknown): unknown => {
        const waits = interfere('prepare', 'after')
        return waits === undefined ? value : waits.then(() => value)
      }
      assert.equal(before, undefined, 'nobody waits before `prepare`')
      if (typeof (prepared as PromiseLike<unknown> | undefined)?.then === 'function')
        return (prepared as PromiseLike<unknown>).then(after)
      return after(prepared)
    },
    commit: async (batch) => {
      under.way++
      try {
        await interfere('commit', 'before')
        try {
          await sink.commit(batch)
        } catch (error) {
          await interfere('commit', 'refused')
          throw error
        }
        await interfere('commit', 'after')
      } finally {
        under.way--
      }
    },
    recover: async (writer, published, since) => {
      await interfere('recover', 'before')
      const found = await sink.recover(writer, published, since)
      await interfere('recover', 'after')
      return found
    },
  })
  return makeKind({
    ...definition,
    async setup(context: object) {
      const behaviour = ((await setup?.(context)) ?? {}) as { readonly sink?: Sink }
      return behaviour.sink === undefined ? behaviour : { ...behaviour, sink: wrap(behaviour.sink) }
    },
  })
}

/** Ends for those who have it. */
class EndingClock implements Clock {
  private isOver = false
  private readonly timers = new Set<Cancel>()

  end(): void {
    this.isOver = true
    for (const cancel of this.timers) cancel()
  }

  now(): number {
    return systemClock.now()
  }

  monotonic(): number {
    return systemClock.monotonic()
  }

  after(delayMs: number, action: () => void): Cancel {
    if (this.isOver) return () => undefined
    const cancel = systemClock.after(delayMs, () => {
      this.timers.delete(cancel)
      this.run(action)
    })
    this.timers.add(cancel)
    return () => {
      this.timers.delete(cancel)
      cancel()
    }
  }

  every(periodMs: number, action: () => void): Cancel {
    return systemClock.every(periodMs, () => this.run(action), { background: true })
  }

  soon(action: () => void): void {
    systemClock.soon(() => this.run(action))
  }

  private run(action: () => void): void {
    if (!this.isOver) action()
  }
}

export async function until(is: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = systemClock.monotonic() + deadlineMs
  while (!(await is())) {
    assert.ok(systemClock.monotonic() < endMs, `not within ${deadlineMs} ms: ${what}`)
    await sleep(systemClock, 3)
  }
}
