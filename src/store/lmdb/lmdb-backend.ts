import { readFileSync } from 'node:fs'
import type { Cancel, Clock } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import type { Follow, FollowListener, StoreBackend } from '../backend.ts'
import { type Change, Followers } from '../followers.ts'
import type {
  CallOptions,
  GetResult,
  LeaseGrant,
  LeaseId,
  LeaseStatus,
  RangeOptions,
  RangeResult,
  Revision,
  Transaction,
  TransactionOptions,
  TransactionResult,
} from '../store.ts'
import type { StoreLimits } from './batch.ts'
import { BatchWriter } from './batch-writer.ts'
import { ChangeSignal } from './change-signal.ts'
import { knownDatabaseError } from './database-error.ts'
import { acquireEnvironment, type Environment } from './environment.ts'
import { LockWait, patienceFor, stoppedPatienceMsDefault } from './lock-wait.ts'
import { StoppedHolderWatch } from './stopped-holder.ts'
import { Tables } from './tables.ts'

export interface LmdbBackendOptions {
  /** Its parent has to exist; it is made where it does not. */
  readonly folder: string
  /** Its monotonic time has to be that of all processes of the machine: `machineClock`. */
  readonly clock: Clock
  /** Keys and values together, with 64 bytes for each key. Default 1 GiB, more than what a cluster has to agree on. */
  readonly liveBytesMax?: number
  /** Revisions that watches can go back. Default 20,000. */
  readonly historyRevisionsMax?: number
  /** Bytes of the changes that watches can go back. Default 64 MiB. */
  readonly historyBytesMax?: number
  /**
   * How long a process that is stopped by a signal may hold up those who write, in milliseconds, before it is ended. Default
   * 1000. Half of the shortest lease's time to live, where that is less.
   */
  readonly stoppedPatienceMsMax?: number
  /** Names the boot of the machine. Default: what the kernel says. For tests. */
  readonly boot?: string
}

/** Changes that are handed on in one turn of the event loop. */
const dispatchMax = 500
const expiryRetryMs = 100

/**
 * The store in a folder, for any number of processes of one machine.
 *
 * - LB-1 A read resets LMDB's read transaction first, so that it sees what any process has committed before.
 * - LB-2 Followers hear of changes from the database only, in the order of revisions: of one's own and of others' alike.
 * - LB-3 Leases are ended by whoever comes first: each process has a timer at the earliest end that it has seen, and looks
 *   again when it hears of news.
 */
export class LmdbBackend implements StoreBackend {
  private readonly environment: Environment
  private readonly clock: Clock
  private readonly tables: Tables
  private readonly writer: BatchWriter
  private readonly followers: Followers
  private readonly signal: ChangeSignal
  private readonly patienceMsMax: number
  private dispatched: Revision
  private lastLease = 0
  private isLooking = false
  private expiry: { readonly atMs: number; readonly cancel: Cancel } | undefined
  private closing: Promise<void> | undefined
  private failure: Error | undefined

  static async open(options: LmdbBackendOptions): Promise<LmdbBackend> {
    const { folder, clock } = options
    const environment = await acquireEnvironment(folder, clock)
    let backend: LmdbBackend | undefined
    try {
      backend = new LmdbBackend(environment, options)
      const boot = options.boot ?? readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
      await backend.writer.write((batch) => batch.enterBoot(boot))
      backend.read(() => backend?.planExpiry())
      return backend
    } catch (error) {
      if (backend === undefined) await environment.release()
      else await backend.close()
      throw error
    }
  }

  private constructor(environment: Environment, options: LmdbBackendOptions) {
    const { clock } = options
    this.environment = environment
    this.clock = clock
    this.patienceMsMax = options.stoppedPatienceMsMax ?? stoppedPatienceMsDefault
    this.tables = new Tables(environment)
    this.dispatched = this.read(() => this.tables.state().revision)
    this.followers = new Followers(clock, (from) => this.readPast(from))
    this.signal = new ChangeSignal(environment.folder, clock, () => this.lookSoon())
    this.writer = new BatchWriter({
      environment,
      tables: this.tables,
      clock,
      limits: limitsOf(options),
      wait: this.makeLockWait(),
      onNews: () => {
        this.signal.announce()
        this.lookSoon()
      },
    })
  }

  async get(key: string): Promise<GetResult> {
    return this.read(() => ({ entry: this.tables.get(key), revision: this.tables.state().revision }))
  }

  async range(prefix: string, { limit, after }: RangeOptions): Promise<RangeResult> {
    return this.read(() => {
      const entries = this.tables.range(prefix, after, limit === undefined ? undefined : limit + 1)
      const more = limit !== undefined && entries.length > limit
      const { revision } = this.tables.state()
      return { entries: more ? entries.slice(0, limit) : entries, revision, more }
    })
  }

  transact(transaction: Transaction, options: TransactionOptions): Promise<TransactionResult> {
    return this.writer.write((batch) => batch.transact(transaction), options, bytesOf(transaction))
  }

  async grant(ttlMs: number, options: CallOptions): Promise<LeaseGrant> {
    const lease = await this.writer.write((batch) => batch.grant(ttlMs), options)
    return { lease, ttlMs }
  }

  keepAlive(lease: LeaseId, options: CallOptions): Promise<number> {
    return this.writer.write((batch) => batch.keepAlive(lease), options)
  }

  revoke(lease: LeaseId, options: CallOptions): Promise<void> {
    return this.writer.write((batch) => batch.revoke(lease), options)
  }

  async leases(): Promise<readonly LeaseStatus[]> {
    return this.read(() => {
      const nowMs = this.clock.monotonic()
      return [...this.tables.leases()]
        .filter(([, { expiresAtMs }]) => expiresAtMs > nowMs)
        .map(([lease, { ttlMs, expiresAtMs }]) => ({
          lease,
          ttlMs,
          remainingMs: expiresAtMs - nowMs,
          keys: this.tables.keysOf(lease),
        }))
    })
  }

  follow(prefix: string, fromRevision: Revision, listener: FollowListener): Follow {
    return this.followers.add(prefix, fromRevision, listener)
  }

  close(): Promise<void> {
    this.closing ??= this.end()
    return this.closing
  }

  private async end(): Promise<void> {
    this.expiry?.cancel()
    this.expiry = undefined
    this.signal.close()
    await this.writer.close()
    await this.environment.release()
  }

  /** What was committed last. */
  private read<T>(action: () => T): T {
    try {
      this.environment.root.resetReadTxn()
      return action()
    } catch (error) {
      throw knownDatabaseError(this.environment.folder, error) ?? asError(error)
    }
  }

  private makeLockWait(): LockWait {
    const { environment, clock } = this
    return new LockWait({
      watch: new StoppedHolderWatch(environment.processes, clock),
      clock,
      lockHead: environment.lockHead,
      patienceMs: () => patienceFor(this.shortestTtlMs(), this.patienceMsMax),
    })
  }

  private shortestTtlMs(): number | undefined {
    return this.read(() => {
      let shortest: number | undefined
      for (const [, { ttlMs }] of this.tables.leases()) shortest = Math.min(shortest ?? Infinity, ttlMs)
      return shortest
    })
  }

  /** Not at once: many signals may come together, and who is told may call the store again. */
  private lookSoon(): void {
    if (this.isLooking || this.closing !== undefined || this.failure !== undefined) return
    this.isLooking = true
    this.clock.soon(() => {
      this.isLooking = false
      if (this.closing !== undefined || this.failure !== undefined) return
      try {
        this.read(() => this.look())
      } catch (error) {
        this.fail(asError(error))
      }
    })
  }

  private look(): void {
    const { revision, oldest, lastLease } = this.tables.state()
    // A new lease may end sooner than those that are known; a kept one only later.
    if (lastLease !== this.lastLease || this.expiry === undefined) {
      this.lastLease = lastLease
      this.planExpiry()
    }
    if (revision <= this.dispatched) return
    if (this.followers.isEmpty) {
      this.dispatched = revision
      return
    }
    const from = this.dispatched + 1
    if (from < oldest) {
      this.dispatched = revision
      this.followers.compactAll()
      return
    }
    const to = Math.min(revision, this.dispatched + dispatchMax)
    for (const change of this.tables.history(from, to)) {
      this.dispatched = change.revision
      this.followers.dispatch(change)
    }
    if (to < revision) this.lookSoon()
  }

  private readPast(from: Revision): Iterable<Change> | undefined {
    return this.read(() => {
      const { revision, oldest } = this.tables.state()
      if (this.followers.isEmpty) this.dispatched = revision
      if (from > this.dispatched) return []
      return from < oldest ? undefined : this.tables.history(from, this.dispatched)
    })
  }

  /** For good: what the followers are to hear of cannot be read. */
  private fail(error: Error): void {
    this.failure ??= error
    this.followers.failAll(error)
  }

  private planExpiry(): void {
    if (this.closing !== undefined) return
    const atMs = this.tables.firstExpiry()?.expiresAtMs
    if (atMs === undefined || (this.expiry !== undefined && this.expiry.atMs <= atMs)) return
    this.expireIn(Math.max(0, Math.ceil(atMs - this.clock.monotonic())))
  }

  /** Whoever comes first ends what is over; the others find nothing to do. */
  private expire(): void {
    this.expiry = undefined
    try {
      const first = this.read(() => this.tables.firstExpiry())
      const isOver = first !== undefined && first.expiresAtMs <= this.clock.monotonic()
      const done = isOver ? this.writer.write(() => undefined) : Promise.resolve()
      done.then(
        () => this.lookSoon(),
        // The lock could not be had in time, or there is no room.
        () => this.expireIn(expiryRetryMs),
      )
    } catch (error) {
      this.fail(asError(error))
    }
  }

  private expireIn(delayMs: number): void {
    if (this.closing !== undefined) return
    this.expiry?.cancel()
    const cancel = this.clock.after(delayMs, () => this.expire(), { background: true })
    this.expiry = { atMs: this.clock.monotonic() + delayMs, cancel }
  }
}

/** The values of either branch: what is done is one of them. */
function bytesOf({ then = [], otherwise = [] }: Transaction): number {
  let bytes = 0
  for (const operation of then) if (operation.type === 'put') bytes += operation.value.byteLength
  for (const operation of otherwise) if (operation.type === 'put') bytes += operation.value.byteLength
  return bytes
}

function limitsOf(options: LmdbBackendOptions): StoreLimits {
  const { liveBytesMax, historyRevisionsMax, historyBytesMax } = options
  return {
    liveBytesMax: liveBytesMax ?? 1024 ** 3,
    historyRevisionsMax: historyRevisionsMax ?? 20_000,
    historyBytesMax: historyBytesMax ?? 64 * 1024 ** 2,
  }
}
