/** Bounds of what a network's file may hold; each far above any use, and each there so that rubbish cannot exhaust memory. */

/** Size of a network's text. */
export const networkBytesMax = 16 * 1024 * 1024
/** Levels of mappings and lists inside each other, configuration included. */
export const nestingMax = 100
/** Values of a document after its YAML aliases are resolved: a few lines of aliases can stand for billions. */
export const valuesMax = 2_000_000
/** Copies of one component. */
export const instancesMax = 1024
/** Messages that one instance handles at the same time. */
export const concurrencyMax = 100_000
/** Characters of the name of a network, component, port or group. */
export const nameLengthMax = 128
/** Faults that are listed; a file that is something else entirely would list thousands. */
export const faultsMax = 100
/** Faults of form that are looked for before the check gives up. */
export const faultsFoundMax = 1000
/** Subnets inside each other. */
export const subnetDepthMax = 32
/** Components of a network with those of all its subnets: a few files that use each other twice can stand for millions. */
export const flatComponentsMax = 100_000
/** Connections of a network with those of all its subnets. */
export const flatConnectionsMax = 1_000_000
