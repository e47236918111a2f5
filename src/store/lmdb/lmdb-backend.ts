import { readFileSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import type { Follow, FollowListener, StoreBackend } from '../backend.ts'
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
import { Dispatcher } from './dispatcher.ts'
import { acquireEnvironment, type Environment, openTimeoutMsDefault } from './environment.ts'
import { LeaseEnder } from './lease-ender.ts'
import { LockWait, patienceFor, stoppedPatienceMsDefault } from './lock-wait.ts'
import { StoppedHolderWatch } from './stopped-holder.ts'
import { Tables } from './tables.ts'
import { TimeLimit } from './time-limit.ts'

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
  /**
   * How long opening may take in all, in milliseconds, before it is refused with `STORE_UNREACHABLE`: it waits for whoever holds
   * the lock, and may have to read the whole database after its processes have died. Default 5000 for each of its steps,
   * and 60,000 for reading where that has to be.
   */
  readonly openTimeoutMs?: number
  /** Names the boot of the machine. Default: what the kernel says. For tests. */
  readonly boot?: string
  /** Hears what goes wrong where no call can tell of it. Default: a warning of the process. */
  readonly report?: (error: Error) => void
}

/**
 * The store in a folder, for any number of processes of one machine.
 *
 * - LB-1 A read resets LMDB's read transaction first, so that it sees what any process has committed before.
 * - LB-2 Followers hear of changes from the database only, in the order of revisions: of one's own and of others' alike.
 * - LB-3 Leases are ended by whoever comes first: each process has a timer at the earliest end that it has seen, and looks
 *   again when it hears of news; whatever is wrong with the history.
 */
export class LmdbBackend implements StoreBackend {
  private readonly environment: Environment
  private readonly clock: Clock
  private readonly tables: Tables
  private readonly writer: BatchWriter
  private readonly dispatcher: Dispatcher
  private readonly leaseEnder: LeaseEnder
  private readonly signal: ChangeSignal
  private readonly patienceMsMax: number
  private closing: Promise<void> | undefined

  static async open(options: LmdbBackendOptions): Promise<LmdbBackend> {
    const { folder, clock } = options
    const { openTimeoutMs } = options
    const limit = new TimeLimit(clock, openTimeoutMs ?? openTimeoutMsDefault, openTimeoutMs !== undefined)
    const environment = await acquireEnvironment(folder, clock, limit)
    let backend: LmdbBackend | undefined
    try {
      backend = new LmdbBackend(environment, options)
      const boot = options.boot ?? readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
      await backend.enterBoot(boot, limit.next())
      backend.leaseEnder.look()
      return backend
    } catch (error) {
      if (backend === undefined) await environment.release()
      // Not waited for: a transaction that waits for the lock cannot be called off, and the time is over.
      else backend.close().catch(options.report ?? warn)
      throw error
    }
  }

  private constructor(environment: Environment, options: LmdbBackendOptions) {
    const { clock, report = warn } = options
    this.environment = environment
    this.clock = clock
    this.patienceMsMax = options.stoppedPatienceMsMax ?? stoppedPatienceMsDefault
    this.tables = new Tables(environment)
    const read = <T>(action: () => T): T => this.read(action)
    this.dispatcher = new Dispatcher(clock, this.tables, read)
    this.signal = new ChangeSignal(environment.folder, clock, () => this.onSignal())
    this.writer = new BatchWriter({
      environment,
      tables: this.tables,
      clock,
      limits: limitsOf(options),
      wait: this.makeLockWait(),
      untilOpened: () => environment.claims.untilNone('open', { patienceMs: () => this.patienceMs() }),
      onNews: () => {
        this.signal.announce()
        this.look()
      },
      report,
    })
    this.leaseEnder = new LeaseEnder({
      clock,
      tables: this.tables,
      read,
      end: () => this.writer.write(() => undefined),
      onEnded: () => this.look(),
      report: (error) => report(leasesError(environment.folder, error)),
    })
  }

  /** Harmless to do twice, so that an outcome that is not known is none. */
  private async enterBoot(boot: string, { leftMs, timeoutMs }: TimeLimit): Promise<void> {
    try {
      await this.writer.write((batch) => batch.enterBoot(boot), { timeoutMs: leftMs })
    } catch (error) {
      if (!isVertigoError(error) || error.code !== 'STORE_OUTCOME_UNKNOWN') throw error
      const message = `The store in ${this.environment.folder} could not be opened within ${timeoutMs} ms: ${error.message}`
      throw new VertigoError('STORE_UNREACHABLE', message, { cause: error })
    }
  }

  async get(key: string): Promise<GetResult> {
    return this.read(() => ({ entry: this.tables.get(key), revision: this.tables.state().revision }))
  }

  async range(prefix: string, { limit, after, damaged }: RangeOptions): Promise<RangeResult> {
    return this.read(() => {
      const entries = this.tables.range(prefix, after, limit === undefined ? undefined : limit + 1, damaged)
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
    return this.dispatcher.follow(prefix, fromRevision, listener)
  }

  close(): Promise<void> {
    this.closing ??= this.end()
    return this.closing
  }

  private async end(): Promise<void> {
    this.signal.close()
    this.dispatcher.close()
    const ended = this.leaseEnder.close()
    await this.writer.close()
    await ended
    await this.environment.release()
  }

  /** What was committed last. */
  private read<T>(action: () => T): T {
    try {
      this.environment.root.resetReadTxn()
      return action()
    } catch (error) {
      // Of what LMDB says then, nobody could tell what is wrong.
      this.environment.refusal.check()
      throw knownDatabaseError(this.environment.folder, error) ?? asError(error)
    }
  }

  private makeLockWait(): LockWait {
    const { environment, clock } = this
    return new LockWait({
      watch: new StoppedHolderWatch(environment.processes, clock),
      clock,
      lockHead: environment.lockHead,
      patienceMs: () => this.patienceMs(),
    })
  }

  private patienceMs(): number {
    return patienceFor(this.shortestTtlMs(), this.patienceMsMax)
  }

  private shortestTtlMs(): number | undefined {
    return this.read(() => {
      let shortest: number | undefined
      for (const [, { ttlMs }] of this.tables.leases()) shortest = Math.min(shortest ?? Infinity, ttlMs)
      return shortest
    })
  }

  private onSignal(): void {
    this.dispatcher.lookNow()
    this.leaseEnder.look()
  }

  private look(): void {
    this.dispatcher.lookSoon()
    this.leaseEnder.look()
  }
}

/** The values of either branch: what is done is one of them. */
function bytesOf({ then = [], otherwise = [] }: Transaction): number {
  let bytes = 0
  for (const operation of then) if (operation.type === 'put') bytes += operation.value.byteLength
  for (const operation of otherwise) if (operation.type === 'put') bytes += operation.value.byteLength
  return bytes
}

function warn(error: Error): void {
  process.emitWarning(error)
}

function leasesError(folder: string, cause: Error): Error {
  if (isVertigoError(cause) && cause.code === 'STORE_REPLACED') return cause
  return new VertigoError(
    'STORE_UNREACHABLE',
    `Leases of the store in ${folder} cannot be ended: ${cause.message}`,
    { cause },
  )
}

function limitsOf(options: LmdbBackendOptions): StoreLimits {
  const { liveBytesMax, historyRevisionsMax, historyBytesMax } = options
  return {
    liveBytesMax: liveBytesMax ?? 1024 ** 3,
    historyRevisionsMax: historyRevisionsMax ?? 20_000,
    historyBytesMax: historyBytesMax ?? 64 * 1024 ** 2,
  }
}
