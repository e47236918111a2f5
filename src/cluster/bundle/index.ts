/** Code that travels with a network: bundles of it, in the store and on nodes. */
export { parseBundleAddress } from './address.ts'
export { addressesIn } from './addresses.ts'
export { type Bundle, decodeBundle, encodeBundle, isHash, shortHash } from './bundle.ts'
export { bundleBodyBytesMax } from './limits.ts'
export { BundleFolder, defaultBundleFolder } from './bundle-folder.ts'
export { BundleStore } from './bundle-store.ts'
export { collectBundles } from './collect.ts'
export { Localizer } from './localize.ts'
