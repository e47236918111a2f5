/** What users and programs ask of a cluster. */
export { type Deployment, type VersionContent } from './deployment.ts'
export { type CallOptions, type ChangeOptions, type DeployOptions, Management } from './management.ts'
export { type InstanceState, type InstanceStatus, type NetworkState, type NetworkStatus } from './status.ts'
