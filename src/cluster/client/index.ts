/** What users and programs ask of a cluster. */
export { advanced, positionLengthMax, positionOf } from '../../component/client-position.ts'
export { checkDeployment, checkPart } from './check-deployment.ts'
export { bareNetwork, type Deployment, type VersionContent } from './deployment.ts'
export { type CallOptions, type ChangeOptions, type DeployOptions, Management } from './management.ts'
export {
  type ClusterListener,
  type ClusterObserver,
  type ObservedCluster,
  observeCluster,
  type ObserveMeans,
} from './observer.ts'
export { importedName } from './imported-snapshots.ts'
export {
  type ExportedSnapshot,
  storedFilesOf,
  type OpenStorage,
  type SnapshotContent,
  SnapshotFiles,
} from './snapshot-files.ts'
export type { DamagedSnapshot, ListedSnapshot, NetworkSnapshots } from './snapshot-list.ts'
export type { GoOnFrom } from './going-on.ts'
export { Snapshots } from './snapshots.ts'
export { kindFacts } from './load-deployment.ts'
export type { ComponentSource, DeploymentSource } from './source.ts'
export { type NodeStatus, Operation } from './operation.ts'
export {
  type InstanceState,
  type InstanceStatus,
  type NetworkState,
  type NetworkStatus,
  statusInView,
} from './status.ts'
export {
  type ClusterEvent,
  EventLog,
  type EventReader,
  eventsAtOnceMax,
  eventsMax,
  type NewEvent,
} from './event-log.ts'
export { EventWriter, type EventWriterMeans } from './event-writer.ts'
export {
  type CountsReader,
  type InstanceCounts,
  type MetricValue,
  type NetworkCounts,
} from './instance-counts.ts'
export {
  isWanted,
  type LogFilter,
  type LogLevel,
  logLevels,
  type LogLine,
  logLinesDefault,
  logLinesMax,
  type LogNews,
  type LogPage,
  type LogQuery,
  type LogReader,
  type MissingNode,
} from './instance-log.ts'
export {
  type PortAccess,
  type PortClient,
  type PortNews,
  type PortRequest,
  type ReadOptions,
  type ReadPortOptions,
  type RunningNetwork,
  runningNetwork,
  type SendOptions,
  endUntold,
  sendTimeoutMsDefault,
  sendTimeoutMsMax,
} from './port-client.ts'
export type { StateAccess, StateQuery, StateReading } from './state-access.ts'
