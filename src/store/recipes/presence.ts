import { isVertigoError, VertigoError } from '../../base/errors.ts'
import { decodeValue, encodeValue } from '../envelope.ts'
import { get, put, remove } from '../operations.ts'
import type { CallOptions, Compare, Revision, Store, TransactionResult } from '../store.ts'
import { callOptions } from './backoff.ts'
import { type EntryChange, follow } from './changes.ts'
import { decodeSegment, encodeSegment } from './key-text.ts'
import type { LeaseHolder } from './lease-holder.ts'

/**
 * Who is there: each member has a key under its lease, with a value that says more. Source: ephemeral nodes for group
 * membership (ZooKeeper, Hunt et al. 2010, section 2.4).
 *
 * - PR-1 A member is there as long as its lease lives; those who watch hear of it within the time to live.
 * - PR-2 An id belongs to who announced it last. Who had it before can neither change nor withdraw it any more.
 */
export class Presence {
  private readonly store: Store
  private readonly prefix: string

  /** `prefix`: of keys that belong to this presence alone. */
  constructor(store: Store, prefix: string) {
    this.store = store
    this.prefix = prefix
  }

  async announce(id: string, value: unknown, lease: LeaseHolder): Promise<Announcement> {
    const announcement = new Announcement(this.store, this.prefix + encodeSegment(id), lease)
    try {
      await announcement.begin(value)
    } catch (error) {
      // Who is told that it is not there must not be.
      if (isVertigoError(error) && error.code === 'STORE_OUTCOME_UNKNOWN')
        await lease.insist(() => announcement.withdraw())
      throw error
    }
    return announcement
  }

  async list(options: CallOptions = {}): Promise<ReadonlyMap<string, unknown>> {
    const { entries } = await this.store.range(this.prefix, options)
    return new Map(entries.map((entry) => [this.idOf(entry.key), decodeValue(entry)]))
  }

  /** Those who are there, as `join`s, then each change. */
  async *watch(signal?: AbortSignal): AsyncGenerator<PresenceEvent, void, undefined> {
    const following = await follow(this.store, this.prefix, callOptions(signal))
    try {
      for (const entry of following.entries)
        yield { type: 'join', id: this.idOf(entry.key), value: decodeValue(entry) }
      for await (const { changes } of following) for (const change of changes) yield this.eventOf(change)
    } finally {
      following.close()
    }
  }

  private eventOf({ key, entry, previous }: EntryChange): PresenceEvent {
    const id = this.idOf(key)
    const old = previous && decodeValue(previous)
    if (entry === undefined) return { type: 'leave', id, old }
    const value = decodeValue(entry)
    return previous === undefined ? { type: 'join', id, value } : { type: 'change', id, value, old }
  }

  private idOf(key: string): string {
    return decodeSegment(key.slice(this.prefix.length))
  }
}

export type PresenceEvent =
  | { readonly type: 'join'; readonly id: string; readonly value: unknown }
  | { readonly type: 'change'; readonly id: string; readonly value: unknown; readonly old: unknown }
  | { readonly type: 'leave'; readonly id: string; readonly old: unknown }

/** A member's own announcement. */
export class Announcement {
  private readonly store: Store
  private readonly key: string
  private readonly lease: LeaseHolder
  /** Of the announcer's own last write (PR-2). */
  private revision: Revision = 0
  /** What was written last, where it is not known whether it was. It stands there only for its own lease. */
  private unknown: Uint8Array | undefined

  constructor(store: Store, key: string, lease: LeaseHolder) {
    this.store = store
    this.key = key
    this.lease = lease
  }

  async begin(value: unknown): Promise<void> {
    await this.write(value, [])
  }

  /** One at a time. Errors: STORE_LEASE_LOST, STORE_HOLD_LOST (PR-2). */
  async update(value: unknown): Promise<void> {
    await this.learn()
    const { succeeded } = await this.write(value, [this.isOwn()])
    if (succeeded) return
    throw new VertigoError('STORE_HOLD_LOST', `"${this.key}" was announced by another, or withdrawn.`)
  }

  /** Takes it away where it is still one's own. */
  async withdraw(): Promise<void> {
    await this.learn()
    await this.store.transact({ compare: [this.isOwn()], then: [remove(this.key)] }, { repeat: 'harmless' })
  }

  /** Finds out what became of a write of unknown outcome, with a transaction that writes, so that it stands (ST-6). */
  private async learn(): Promise<void> {
    if (this.unknown === undefined) return
    const { lease } = this.lease
    const { results } = await this.store.transact(
      // It changes nothing in truth: ids are one segment, so nobody has a key below it.
      { then: [remove(`${this.key}/`), get(this.key)] },
      { repeat: 'harmless' },
    )
    const read = results.at(-1)
    const entry = read?.type === 'get' ? read.entry : undefined
    if (entry?.lease === lease && Buffer.compare(entry.value, this.unknown) === 0)
      this.revision = entry.modRevision
    this.unknown = undefined
  }

  private async write(value: unknown, compare: readonly Compare[]): Promise<TransactionResult> {
    await this.lease.confirm()
    const bytes = encodeValue(value)
    const then = [put(this.key, bytes, this.lease.lease)]
    try {
      const result = await this.store.transact({ compare, then }, { repeat: 'once' })
      if (result.succeeded) this.revision = result.revision
      return result
    } catch (error) {
      if (isVertigoError(error) && error.code === 'STORE_OUTCOME_UNKNOWN') this.unknown = bytes
      throw error
    }
  }

  private isOwn(): Compare {
    return { key: this.key, target: 'modRevision', is: '=', than: this.revision }
  }
}
