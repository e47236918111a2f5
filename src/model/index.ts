export type { ConfigFault, KindInfo, KindLookup } from './kind-info.ts'
export * from './network.ts'
export * from './limits.ts'
export {
  errorPlace,
  fault,
  networkInvalid,
  type Path,
  pathText,
  type Place,
  type Places,
  placesOfFile,
  sortFaults,
} from './places.ts'
export { networkFormat, type NetworkFormat } from './format.ts'
export { type ParsedNetwork, type ParseOptions, parseNetwork, parseNetworkValue } from './parse.ts'
export { networkSchema, networkSchemaText } from './schema.ts'
export { implicitOutputs, logPorts } from './kind-info.ts'
export { isWithin, validateNetwork } from './validate.ts'
export {
  type FlatComponent,
  type FlatConnection,
  type FlatNetwork,
  type Flattened,
  flattenNetwork,
  type Subnet,
  type SubnetLoader,
  subnetSeparator,
} from './flatten.ts'
export { toJson, toYaml } from './serialize.ts'
export { type FbpGraph, isFbpGraph } from './fbp.ts'
export { type Lossy, toFbpJson, toFbpText } from './fbp-write.ts'
export {
  additions,
  diff,
  invert,
  isEmptyChange,
  merge,
  type NetworkChange,
  normalNetwork,
  type RecordChange,
  removals,
  unmerge,
} from './diff.ts'
export type { ListChange, ListItem } from './list-change.ts'
export { toDot } from './render/dot.ts'
export { toMermaid } from './render/mermaid.ts'
export { toSvg } from './render/svg.ts'
