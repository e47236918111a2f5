/** The HTTP API of a node, and its client. Its server is loaded when it is asked to serve. */
export { parseTokens, type Role, type TokenSet } from './access.ts'
export type { ApiMeans, NodeIdentity } from './route.ts'
export { readSecret } from './secret.ts'
export { apiAddressDefault, type ApiOptions, apiPortDefault, type ApiServer, serveApi } from './server.ts'
export {
  ApiClient,
  type ChangeRequest,
  type CountedStatus,
  type Definition,
  type LogUpdate,
  type Made,
  type NetworkSummary,
  type VersionSummary,
} from './client.ts'
export { apiAddress, Http, type HttpOptions } from './http.ts'
export { ApiPorts } from './port-client.ts'
