/** What users and programs ask of a cluster. */
export { checkDeployment, checkPart } from './check-deployment.ts'
export { type Deployment, type VersionContent } from './deployment.ts'
export { type CallOptions, type ChangeOptions, type DeployOptions, Management } from './management.ts'
export {
  type ClusterListener,
  type ClusterObserver,
  type ObservedCluster,
  observeCluster,
  type ObserveMeans,
} from './observer.ts'
export { type NodeStatus, Operation } from './operation.ts'
export {
  type InstanceState,
  type InstanceStatus,
  type NetworkState,
  type NetworkStatus,
  statusInView,
} from './status.ts'
export { type ClusterEvent, EventLog, type EventReader, eventsMax } from './event-log.ts'
