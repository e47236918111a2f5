import { valueBytesMax } from '../../store/limits.ts'

/** Bounds of bundles. Larger ones are a sign that something is in them that is no code. */

/** One bundle: the code behind one address. A large library with all that it uses has some 10 MB. */
export const bundleBytesMax = 32 * 1024 * 1024
/** One bundle as it is sent: with its manifest, which has a line for each file. */
export const bundleBodyBytesMax = bundleBytesMax + 1024 * 1024
/** Files of one bundle: the entry, and a chunk for each module that is imported later. */
export const bundleFilesMax = 1_000
/** Of all bundles of a deployment together. */
export const deploymentBytesMax = 256 * 1024 * 1024
/** What fits one value of any store. */
export const partBytesMax = valueBytesMax
/** Bundles that are built at a time: each takes memory for all that it reads. */
export const buildsAtOnce = 4
/** Bundles that a node fetches at a time. */
export const fetchesAtOnce = 4
/**
 * How long a bundle stays that no version names: who uploads one writes the version behind it, and may have to ask a user
 * in between. Also what clocks of different machines may differ.
 */
export const unusedMsMax = 60 * 60 * 1_000
/** How long a node keeps what it does not use. */
export const cachedMsMax = 30 * 24 * 60 * 60 * 1_000
