import type { Clock } from '../../base/clock.ts'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import { isPresent, put } from '../../store/operations.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import type { ClusterKeys } from '../protocol/index.ts'
import {
  type Bundle,
  bundleBytes,
  concat,
  contentOf,
  decodeManifest,
  encodeManifest,
  fromContent,
  shortHash,
  split,
} from './bundle.ts'
import { partBytesMax } from './limits.ts'
import { useRecord } from './use-record.ts'

const where = 'the store'

/**
 * Bundles in the store: what is written once, under the name of its content.
 *
 * - BS-1 First that it is used now, then the parts, then the manifest: what has a manifest is complete, and what is being
 *   written is not cleaned up.
 * - BS-2 Whoever writes a bundle that is there checks it, and writes it again where it is damaged. Two that write the same
 *   write the same bytes, in whatever order.
 */
export class BundleStore {
  private readonly store: Store
  private readonly keys: ClusterKeys
  private readonly clock: Clock

  constructor(store: Store, keys: ClusterKeys, clock: Clock) {
    this.store = store
    this.keys = keys
    this.clock = clock
  }

  /**
   * Says that the bundle is about to be used, and whether it is there, and sound. Where it is, it stays for `unusedMsMax`
   * from now on.
   */
  async use(hash: string, call: CallOptions = {}): Promise<boolean> {
    const use = put(this.keys.bundleUse(hash), useRecord.encode({ usedAtMs: this.clock.now() }))
    await this.store.transact({ then: [use] }, { ...call, repeat: 'harmless' })
    return this.isSound(hash, call)
  }

  /** From when it has returned, the bundle is there for `unusedMsMax`, also without a version that names it. */
  async put(bundle: Bundle, call: CallOptions = {}): Promise<void> {
    const { hash } = bundle
    const harmless = { ...call, repeat: 'harmless' } as const
    if (await this.use(hash, call)) return
    const parts = split(contentOf(bundle), partBytesMax)
    for (const [i, part] of parts.entries())
      await this.store.transact({ then: [put(this.keys.bundlePart(hash, i), part)] }, harmless)
    const manifest = put(this.keys.bundle(hash), encodeManifest(bundle.manifest))
    // Who cleans up takes all of it away at once; should that happen to one that took an hour to be written, it is not half there.
    const { succeeded } = await this.store.transact(
      { compare: [isPresent(this.keys.bundlePart(hash, 0))], then: [manifest] },
      harmless,
    )
    if (!succeeded) throw missing(hash)
  }

  /** Errors: BUNDLE_MISSING, BUNDLE_DAMAGED, those of the store. */
  async get(hash: string, call: CallOptions = {}): Promise<Bundle> {
    const { entry } = await this.store.get(this.keys.bundle(hash), call)
    if (entry === undefined) throw missing(hash)
    const manifest = decodeManifest(hash, entry.value, where)
    const count = Math.max(1, Math.ceil(bundleBytes(manifest) / partBytesMax))
    const parts: Uint8Array[] = []
    for (let i = 0; i < count; i++) {
      const part = await this.store.get(this.keys.bundlePart(hash, i), call)
      if (part.entry !== undefined) parts.push(part.entry.value)
    }
    return fromContent(hash, manifest, concat(parts), where)
  }

  private async isSound(hash: string, call: CallOptions): Promise<boolean> {
    try {
      await this.get(hash, call)
      return true
    } catch (error) {
      if (isVertigoError(error) && (error.code === 'BUNDLE_MISSING' || error.code === 'BUNDLE_DAMAGED'))
        return false
      throw error
    }
  }
}

function missing(hash: string): VertigoError {
  return new VertigoError('BUNDLE_MISSING', `The store has no bundle ${shortHash(hash)}.`)
}
