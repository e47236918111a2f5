import { machineClock } from '../../../src/base/clock.ts'
import { callTimeoutMsDefault } from '../../../src/store/limits.ts'
import type { CallOptions, Store } from '../../../src/store/store.ts'
import { openStore } from '../../../src/stores.ts'

/** For what is no test of limits: a disk or a machine that stands still for some seconds is no fault of a store. */
export const patienceMs = 60_000

/** The same store, whose calls wait as long as a test does where their caller wants no other time than the default one. */
export function patient(store: Store): Store {
  return {
    get: (key, options) => store.get(key, patiently(options)),
    range: (prefix, options) => store.range(prefix, patiently(options)),
    pages: (prefix, options) => store.pages(prefix, patiently(options)),
    transact: (transaction, options) => store.transact(transaction, patiently(options)),
    grant: (ttlMs, options) => store.grant(ttlMs, patiently(options)),
    keepAlive: (lease, options) => store.keepAlive(lease, patiently(options)),
    revoke: (lease, options) => store.revoke(lease, patiently(options)),
    leases: (options) => store.leases(patiently(options)),
    watch: (prefix, options) => store.watch(prefix, options),
    close: () => store.close(),
  }
}

export async function openPatient(url: string): Promise<Store> {
  return patient(await openStore(url, machineClock, { timeoutMs: patienceMs }))
}

/** Recipes name the default time where they mean no other one. */
function patiently<T extends CallOptions>(options: T | undefined): T & { readonly timeoutMs: number } {
  const timeoutMs = options?.timeoutMs ?? callTimeoutMsDefault
  return { ...(options as T), timeoutMs: timeoutMs === callTimeoutMsDefault ? patienceMs : timeoutMs }
}
