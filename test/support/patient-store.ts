import { machineClock } from '../../src/base/clock.ts'
import type { Store } from '../../src/store/store.ts'
import { openStore } from '../../src/stores.ts'

/** For what is no test of limits: a disk or a machine that stands still for some seconds is no fault of a store. */
export const patienceMs = 60_000

/** The same store, whose calls wait as long as a test does, unless they are told otherwise. */
export function patient(store: Store): Store {
  const within = <T extends object>(options: T | undefined): T & { readonly timeoutMs: number } => ({
    timeoutMs: patienceMs,
    ...(options as T),
  })
  return {
    get: (key, options) => store.get(key, within(options)),
    range: (prefix, options) => store.range(prefix, within(options)),
    pages: (prefix, options) => store.pages(prefix, within(options)),
    transact: (transaction, options) => store.transact(transaction, within(options)),
    grant: (ttlMs, options) => store.grant(ttlMs, within(options)),
    keepAlive: (lease, options) => store.keepAlive(lease, within(options)),
    revoke: (lease, options) => store.revoke(lease, within(options)),
    leases: (options) => store.leases(within(options)),
    watch: (prefix, options) => store.watch(prefix, options),
    close: () => store.close(),
  }
}

export async function openPatient(url: string): Promise<Store> {
  return patient(await openStore(url, machineClock, { timeoutMs: patienceMs }))
}
