import type { Follow, FollowListener, StoreBackend } from '../../store/backend.ts'
import type { RangeOptions, Revision, Transaction } from '../../store/store.ts'

/**
 * A backend as one process has it, whose watches can go deaf. What happened meanwhile is gone from the history then, as when a
 * store compacts it while a watch is broken: who watches has to read anew.
 */
export class DeafBackend implements StoreBackend {
  private readonly inner: StoreBackend
  private readonly hearing = new Set<FollowListener>()
  private readonly deaf = new Set<FollowListener>()

  constructor(inner: StoreBackend) {
    this.inner = inner
  }

  /** Those that watch now hear nothing any more, until `hear`. */
  goDeaf(): void {
    for (const listener of this.hearing) this.deaf.add(listener)
  }

  hear(): void {
    for (const listener of this.deaf) {
      this.hearing.delete(listener)
      listener.compacted()
    }
    this.deaf.clear()
  }

  follow(prefix: string, fromRevision: Revision, listener: FollowListener): Follow {
    const told = (tell: () => void): void => {
      if (!this.deaf.has(listener)) tell()
    }
    this.hearing.add(listener)
    const follow = this.inner.follow(prefix, fromRevision, {
      events: (revision, events) => told(() => listener.events(revision, events)),
      compacted: () => told(() => listener.compacted()),
      failed: (error) => told(() => listener.failed(error)),
    })
    return {
      cancel: () => {
        this.hearing.delete(listener)
        this.deaf.delete(listener)
        follow.cancel()
      },
    }
  }

  get(key: string): ReturnType<StoreBackend['get']> {
    return this.inner.get(key, {})
  }

  range(prefix: string, options: RangeOptions): ReturnType<StoreBackend['range']> {
    return this.inner.range(prefix, options)
  }

  transact(transaction: Transaction): ReturnType<StoreBackend['transact']> {
    return this.inner.transact(transaction, {})
  }

  grant(ttlMs: number): ReturnType<StoreBackend['grant']> {
    return this.inner.grant(ttlMs, {})
  }

  keepAlive(lease: Parameters<StoreBackend['keepAlive']>[0]): ReturnType<StoreBackend['keepAlive']> {
    return this.inner.keepAlive(lease, {})
  }

  revoke(lease: Parameters<StoreBackend['revoke']>[0]): ReturnType<StoreBackend['revoke']> {
    return this.inner.revoke(lease, {})
  }

  leases(): ReturnType<StoreBackend['leases']> {
    return this.inner.leases({})
  }

  close(): Promise<void> {
    return this.inner.close()
  }
}
