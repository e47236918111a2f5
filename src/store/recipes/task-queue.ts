import type { Clock } from '../../base/clock.ts'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { decodeValue, encodeValue } from '../envelope.ts'
import { callTimeoutMsDefault } from '../limits.ts'
import { get, isMissing, isUnchanged, put, remove, wasCreatedAt } from '../operations.ts'
import type { Entry, Operation, Revision, Store, Transaction } from '../store.ts'
import { callOptions, compareAndSet, conflict } from './backoff.ts'
import { type EntryChange, follow } from './changes.ts'
import { leave } from './contender.ts'
import { Hold } from './hold.ts'
import type { LeaseHolder } from './lease-holder.ts'
import { decodeHead, emptyHead, type TaskHead } from './task-head.ts'

/**
 * Tasks for several workers. A task is claimed under the taker's lease and stays until it is acknowledged. Source: the
 * distributed queue of ZooKeeper's recipes, with claims in place of deletion.
 *
 * - TQ-1 A task is claimed by one taker at a time: the claim is a key that must be missing.
 * - TQ-2 The claim of a taker that dies goes with its lease, and the task is taken again: it is *tried* at least once.
 * - TQ-3 `complete` takes claim and task away in one transaction that compares the claim (HO-1): it is *acknowledged* exactly
 *   once, and what is written with the acknowledgement is written exactly once.
 * - TQ-4 There are `tasksMax` tasks at most, claimed ones among them; the count is kept in the transaction that adds or
 *   completes.
 * - TQ-5 Tasks are offered in the order in which they were added. One that is given back comes first again.
 *
 * Taking reads the whole queue, so it is for hundreds of tasks, not for a stream: that is what channels are for.
 */
export interface TaskQueueOptions {
  readonly clock: Clock
  readonly random: Random
  /** Default 1000. */
  readonly tasksMax?: number
}

export class TaskQueue {
  private readonly store: Store
  private readonly prefix: string
  private readonly clock: Clock
  private readonly random: Random
  private readonly tasksMax: number

  /** `prefix`: of keys that belong to this queue alone. */
  constructor(store: Store, prefix: string, { clock, random, tasksMax = 1000 }: TaskQueueOptions) {
    this.store = store
    this.prefix = prefix
    this.clock = clock
    this.random = random
    this.tasksMax = tasksMax
  }

  /** Errors: STORE_COLLECTION_FULL, STORE_VALUE_INVALID, STORE_CONTENDED. */
  async add(value: unknown, signal?: AbortSignal): Promise<void> {
    const bytes = encodeValue(value)
    await this.compareAndSet(signal, async () => {
      const { entry, head } = await this.readHead(signal)
      if (head.size >= this.tasksMax)
        throw new VertigoError('STORE_COLLECTION_FULL', `"${this.prefix}" holds ${head.size} tasks.`)
      const key = this.taskKey(head.next)
      const then = [this.putHead({ next: head.next + 1, size: head.size + 1 }), put(key, bytes)]
      const compare = [isUnchanged(this.headKey, entry)]
      const { succeeded } = await this.store.transact({ compare, then }, { repeat: 'once' })
      return succeeded ? undefined : conflict
    })
  }

  /** Waits for a task and claims it. */
  async take(lease: LeaseHolder, signal?: AbortSignal): Promise<Task> {
    const ended = signal === undefined ? lease.signal : AbortSignal.any([lease.signal, signal])
    ended.throwIfAborted()
    const following = await follow(this.store, this.prefix, callOptions(ended))
    const known = new Map(following.entries.map((entry) => [entry.key, entry]))
    try {
      const task = await this.tryClaim(lease, known)
      if (task !== undefined) return task
      for await (const { changes } of following) {
        if (!learn(known, changes)) continue
        const claimed = await this.tryClaim(lease, known)
        if (claimed !== undefined) return claimed
      }
    } finally {
      following.close()
    }
    ended.throwIfAborted()
    throw new VertigoError('STORE_CLOSED', 'The store was closed while a task was waited for.')
  }

  /** Tasks that are not completed, claimed ones among them. */
  async size(): Promise<number> {
    return (await this.readHead(undefined)).head.size
  }

  /** For `Task`: takes claim and task away, with what is written along. */
  async acknowledge(hold: Hold, entry: Entry, claimKey: string, along: Transaction): Promise<void> {
    await this.compareAndSet(undefined, async () => {
      const { entry: headEntry, head } = await this.readHead(undefined)
      const done: Operation[] = [
        remove(claimKey),
        remove(entry.key),
        this.putHead({ ...head, size: head.size - 1 }),
      ]
      const { succeeded, results } = await hold.transact(
        {
          compare: [isUnchanged(this.headKey, headEntry), ...(along.compare ?? [])],
          then: [...done, ...(along.then ?? [])],
          otherwise: [get(this.headKey)],
        },
        { repeat: 'once' },
      )
      if (succeeded) return undefined
      const [now] = results
      if (now?.type !== 'get' || now.entry?.modRevision !== headEntry?.modRevision) return conflict
      throw new VertigoError('STORE_CONTENDED', `What "${entry.key}" was to be completed with does not hold.`)
    })
  }

  private async tryClaim(lease: LeaseHolder, known: ReadonlyMap<string, Entry>): Promise<Task | undefined> {
    const tasks = [...known.values()].filter(({ key }) => key.startsWith(this.taskPrefix))
    for (const entry of tasks.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
      const claimKey = this.claimPrefix + entry.key.slice(this.taskPrefix.length)
      if (known.has(claimKey)) continue
      // Read before it is claimed: what cannot be read must not be held.
      const value = decodeValue(entry)
      const claim = await this.claim(lease, entry, claimKey)
      if (claim !== undefined) return new Task(this, this.store, lease, { entry, value }, claim)
    }
    return undefined
  }

  private async claim(lease: LeaseHolder, task: Entry, claimKey: string): Promise<Claim | undefined> {
    await lease.confirm()
    const { store } = this
    // Tells one's own claim, whose answer was lost, from another's.
    const value = encodeValue(lease.uniqueName())
    try {
      const { results, revision } = await store.transact(
        {
          compare: [wasCreatedAt(task.key, task.createRevision), isMissing(claimKey)],
          then: [put(claimKey, value, lease.lease), get(claimKey)],
          otherwise: [get(claimKey)],
        },
        { repeat: 'harmless', timeoutMs: callTimeoutMsDefault },
      )
      const read = results.at(-1)
      if (read?.type !== 'get' || read.entry === undefined) return undefined
      return decodeValue(read.entry) === decodeValue({ key: claimKey, value })
        ? { entry: read.entry, revision }
        : undefined
    } catch (error) {
      if (isVertigoError(error) && error.code === 'STORE_OUTCOME_UNKNOWN')
        await leave({ store }, lease, claimKey, { key: claimKey, target: 'value', is: '=', than: value })
      throw error
    }
  }

  private compareAndSet<T>(
    signal: AbortSignal | undefined,
    attempt: () => Promise<T | typeof conflict>,
  ): Promise<T> {
    const { clock, random, prefix } = this
    return compareAndSet({ clock, random, signal, what: `"${prefix}"` }, attempt)
  }

  private async readHead(
    signal: AbortSignal | undefined,
  ): Promise<{ readonly entry: Entry | undefined; readonly head: TaskHead }> {
    const { entry } = await this.store.get(this.headKey, callOptions(signal))
    return { entry, head: entry === undefined ? emptyHead : decodeHead(entry) }
  }

  private putHead(head: TaskHead): Operation {
    return put(this.headKey, encodeValue(head))
  }

  private taskKey(number: number): string {
    return this.taskPrefix + String(number).padStart(16, '0')
  }

  private get headKey(): string {
    return `${this.prefix}head`
  }

  private get taskPrefix(): string {
    return `${this.prefix}task/`
  }

  private get claimPrefix(): string {
    return `${this.prefix}claim/`
  }
}

interface TaskEntry {
  readonly entry: Entry
  readonly value: unknown
}

interface Claim {
  readonly entry: Entry
  readonly revision: Revision
}

/** A claimed task. `release` gives it back to be taken anew. */
export class Task extends Hold {
  readonly value: unknown
  private readonly queue: TaskQueue
  private readonly task: Entry

  constructor(queue: TaskQueue, store: Store, lease: LeaseHolder, task: TaskEntry, claim: Claim) {
    super(store, lease, claim.entry, claim.revision)
    this.queue = queue
    this.task = task.entry
    this.value = task.value
  }

  /**
   * Acknowledges the task, and does the operations of `along` in the same transaction. Errors: STORE_HOLD_LOST,
   * STORE_LEASE_LOST where another may have taken it since; STORE_CONTENDED where the comparisons of `along` do not hold. After any other
   * error `release` it: where it was acknowledged after all, nothing is left to be given back.
   */
  async complete(along: Pick<Transaction, 'compare' | 'then'> = {}): Promise<void> {
    await this.queue.acknowledge(this, this.task, this.key, along)
    await this.finish()
  }
}

/** Says whether there may be something to take now that there was not before. */
function learn(known: Map<string, Entry>, changes: readonly EntryChange[]): boolean {
  let isPromising = false
  for (const { key, entry, previous } of changes) {
    if (entry === undefined) known.delete(key)
    else known.set(key, entry)
    // A task came, or a claim went; a task that goes takes its claim along.
    isPromising ||= (entry === undefined) !== (previous === undefined)
  }
  return isPromising
}
