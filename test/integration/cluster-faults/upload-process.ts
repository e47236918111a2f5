import { machineClock } from '../../../src/base/clock.ts'
import { BundleStore } from '../../../src/cluster/bundle/index.ts'
import { ClusterKeys } from '../../../src/cluster/protocol/index.ts'
import { openStore } from '../../../src/stores.ts'
import { largeBundle, type UploadOrder } from './uploads.ts'

/** Writes a bundle into a store, over and over the same, in a process of its own that may be killed at any time. */

const { storeUrl, cluster, number } = JSON.parse(process.argv[2]!) as UploadOrder
process.on('disconnect', () => process.exit())
const store = await openStore(storeUrl, machineClock)
const bundles = new BundleStore(store, new ClusterKeys(cluster), machineClock)
const bundle = largeBundle(number)
process.send!('begins')
await bundles.put(bundle)
process.send!('done')
await store.close()
process.disconnect()
