import type { Clock } from '../../base/clock.ts'
import { isUnchanged, remove, removeRange } from '../../store/operations.ts'
import type { CallOptions, Entry, Store } from '../../store/store.ts'
import { type ClusterKeys, versionRecord } from '../protocol/index.ts'
import { parseBundleAddress } from './address.ts'
import { addressesIn } from './addresses.ts'
import { unusedMsMax } from './limits.ts'
import { useRecord } from './use-record.ts'

/** What must be known of a bundle in the store to tell whether it is rubbish. */
export interface StoredBundle {
  readonly hash: string
  readonly usedAtMs: number
}

/** Those that no version names, and that nobody is about to name. */
export function rubbish(
  stored: readonly StoredBundle[],
  named: ReadonlySet<string>,
  nowMs: number,
): readonly string[] {
  return stored
    .filter(({ hash, usedAtMs }) => !named.has(hash) && nowMs - usedAtMs > unusedMsMax)
    .map(({ hash }) => hash)
}

/**
 * Deletes the bundles that no kept version of any network names; gives how many these were. Anybody may do it at any time.
 *
 * - BG-1 What is in use is read first, then the versions: a bundle that gets a version in between was used before.
 * - BG-2 A bundle goes with all its parts at once, and only if nobody has said since that it is used.
 */
export async function collectBundles(
  store: Store,
  keys: ClusterKeys,
  clock: Clock,
  call: CallOptions = {},
): Promise<number> {
  const uses = new Map<string, Entry>()
  for await (const { entries } of store.pages(keys.bundleUses, call))
    for (const entry of entries) uses.set(entry.key.slice(keys.bundleUses.length), entry)
  if (uses.size === 0) return 0
  const named = await namedBundles(store, keys, call)
  const stored = Array.from(uses, ([hash, entry]) => ({ hash, usedAtMs: useRecord.decode(entry).usedAtMs }))
  let deleted = 0
  for (const hash of rubbish(stored, named, clock.now())) {
    const { succeeded } = await store.transact(
      {
        compare: [isUnchanged(keys.bundleUse(hash), uses.get(hash))],
        then: [removeRange(keys.bundleFiles(hash)), remove(keys.bundleUse(hash))],
      },
      { ...call, repeat: 'harmless' },
    )
    if (succeeded) deleted++
  }
  return deleted
}

async function namedBundles(
  store: Store,
  keys: ClusterKeys,
  call: CallOptions,
): Promise<ReadonlySet<string>> {
  const named = new Set<string>()
  for await (const { entries } of store.pages(keys.networks, call)) {
    for (const entry of entries) {
      const network = keys.networkOf(entry.key)
      if (network === undefined || !entry.key.startsWith(keys.network(network).versions)) continue
      for (const { address } of addressesIn(versionRecord.decode(entry).flat)) {
        const bundle = parseBundleAddress(address)
        if (bundle !== undefined) named.add(bundle.hash)
      }
    }
  }
  return named
}
