import { machineClock } from '../../../src/base/clock.ts'
import { BundleStore } from '../../../src/cluster/bundle/index.ts'
import { ClusterKeys } from '../../../src/cluster/protocol/index.ts'
import { openStore } from '../../../src/stores.ts'
import { largeBundle, type UploadOrder } from './uploads.ts'

/** Writes a bundle into a store, in a process of its own that may be killed at any time. */

const { storeUrl, cluster, number } = JSON.parse(process.argv[2]!) as UploadOrder
process.on('disconnect', () => process.exit())
const store = await openStore(storeUrl, machineClock)
const bundles = new BundleStore(store, new ClusterKeys(cluster), machineClock)
const bundle = largeBundle(number)
await bundles.put(bundle)
await store.close()
process.disconnect?.()
