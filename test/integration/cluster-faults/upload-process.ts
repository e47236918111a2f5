import { machineClock } from '../../../src/base/clock.ts'
import { BundleStore } from '../../../src/cluster/bundle/index.ts'
import { ClusterKeys } from '../../../src/cluster/protocol/index.ts'
import type { Store } from '../../../src/store/store.ts'
import { openStore } from '../../../src/stores.ts'
import { largeBundle, type UploadOrder } from './uploads.ts'

/** Writes a bundle into a store, in a process of its own, up to the part at which it is to be killed: where it is by then is no chance. */

const { storeUrl, cluster, number } = JSON.parse(process.argv[2]!) as UploadOrder
process.on('disconnect', () => process.exit())
const store = await openStore(storeUrl, machineClock)
const keys = new ClusterKeys(cluster)
const bundle = largeBundle(number)
const next = keys.bundlePart(bundle.hash, number)
const standing: Store = Object.assign(Object.create(store) as Store, {
  transact(...call: Parameters<Store['transact']>) {
    const isNext = call[0].then?.some((one) => 'key' in one && one.key === next) === true
    return isNext ? Promise.withResolvers<never>().promise : store.transact(...call)
  },
})
const bundles = new BundleStore(standing, keys, machineClock)
await bundles.put(bundle)
await store.close()
process.disconnect?.()
