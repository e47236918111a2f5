/** What manager, agents and clients of a cluster agree on: keys, records, numbers. */
export {
  faultOf,
  filesUnknown,
  isLastDamaged,
  isSnapshotsDamaged,
  keptDamaged,
  lastDamaged,
  lineageDamaged,
  standstill,
} from './damaged-snapshots.ts'
export { channelNumber, channelParts, connectionNumbersMax, instanceIdsMax } from './channels.ts'
export { clientPortName, type ClientPortSide, givesCommitted, isClientPort } from './client-port.ts'
export { connectionKey, keyedConnections } from './connection-key.ts'
export type { Address, ErrorText } from './fields.ts'
export { ClusterKeys, NetworkKeys, SnapshotKeys } from './keys.ts'
export * from './network-record.ts'
export * from './network-size.ts'
export * from './on-disks.ts'
export { type BrokenPair, brokenPairs, type LinkRecord, linkRecord } from './link-record.ts'
export { inlineProtocol, type NodeRecord, nodeRecord, protocolSpoken } from './node-record.ts'
export { deathsError, deathsMax, isHeldBack, processesOf } from './component-deaths.ts'
export {
  type BereavedNetwork,
  deathOf,
  type DeathRecord,
  deathRecord,
  earlierMs,
  freshMs,
} from './death-record.ts'
export * from './numbers.ts'
export * from './plan.ts'
export * from './ready-record.ts'
export { hasSnapshots, needsSnapshots, snapshotsUnplaced } from './snapshot-place.ts'
export * from './snapshot-record.ts'
export { failingNow, SnapshotsView } from './snapshots-view.ts'
export { unfitState } from './state-fit.ts'
export { endingVersion, isStillEnding, type UndeployedFacts, wantedNow } from './undeployed.ts'
export { usedBy, type UsedNumbers, usedNumbersRecord } from './used-numbers.ts'
export { DecodedRecords } from './decoded-records.ts'
export type { Recorded, RecordType } from './record.ts'
export { bereaved, ClusterView, NetworkView } from './cluster-view.ts'
export {
  type ClusterConfig,
  clusterFormat,
  type ClusterRecord,
  clusterRecord,
  configRecord,
  type DrainRecord,
  drainRecord,
  type SuspicionRecord,
  suspicionRecord,
} from './config-record.ts'
