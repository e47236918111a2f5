import { readFileSync } from 'node:fs'
import { machineClock, systemClock } from './base/clock.ts'
import { systemRandom } from './base/random.ts'
import type { Http as HttpOfNode } from './api/index.ts'
import type { ClusterConnection, SendBundled } from './cluster/client/connect.ts'
import type { RunningNode, StartNodeOptions } from './cluster/node/start-node.ts'
import { checkSnapshotAddress, openStore, storesUrl } from './stores.ts'

/** `vertigo-flow/cluster`: nodes of a cluster, and access to one, for programs. */
export type { ClusterConnection, SourceOptions } from './cluster/client/connect.ts'
export type { RunningNode, StartNodeApi, StartNodeOptions } from './cluster/node/start-node.ts'
export type { NodeEvent } from './cluster/node/node-event.ts'
export type {
  CallOptions,
  ChangeOptions,
  ClusterEvent,
  ClusterListener,
  ClusterObserver,
  ComponentSource,
  Deployment,
  DeploymentSource,
  DeployOptions,
  EventReader,
  InstanceState,
  InstanceStatus,
  Management,
  NetworkState,
  NetworkStatus,
  NodeStatus,
  ObservedCluster,
  Operation,
  PortRequest,
  ReadOptions,
  RunningNetwork,
  SendOptions,
} from './cluster/client/index.ts'

/** URL of the module with the built-in kinds: `.ts` in the sources, `.js` in the package. */
const builtInKinds = new URL(
  import.meta.url.endsWith('.ts') ? 'built-in-kinds.ts' : 'built-in-kinds.js',
  import.meta.url,
).href

/**
 * Starts a node of a cluster in this process: it joins the cluster, may be its manager, and hosts parts of networks in
 * worker threads. A service can thus be a node.
 *
 * ```ts
 * const node = await startNode({ store: 'etcd://localhost:2379', groups: ['web'] })
 * process.once('SIGTERM', () => node.drain())
 * ```
 *
 * Fulfilled when it has joined. It goes on until `drain` or `close`; where it loses its lease it ends its workers and joins
 * again by itself.
 *
 * Errors: NODE_EXISTS, NODE_OPEN, NODE_ADDRESS_UNFIT, CLUSTER_FORMAT_NEWER, LINK_VERSION_UNFIT, API_OPEN, API_ADDRESS_UNFIT, USAGE,
 * SNAPSHOT_STORAGE_URL_INVALID, those of the store.
 */
export async function startNode(options: StartNodeOptions): Promise<RunningNode> {
  const { startNode: start } = await import('./cluster/node/start-node.ts')
  return start(options, {
    openStore,
    checkSnapshots: checkSnapshotAddress,
    builtInKinds,
    stores: storesUrl,
    version: packageVersion(),
  })
}

export interface ConnectClusterOptions {
  /** Address of the store that holds the cluster. */
  readonly store: string
  /** Default `vertigo`. */
  readonly cluster?: string
  /** Where the token for the HTTP API of the nodes is, which exported ports are reached by: `file:path` or `env:NAME`. */
  readonly token?: string
}

/**
 * Reaches a cluster through its store: to deploy, to look, to watch. It works without any node: what is asked is done when
 * there is one.
 *
 * ```ts
 * const cluster = await connectCluster({ store: 'etcd://localhost:2379' })
 * await cluster.deploy('./network.yaml', { by: 'shop' })
 * console.log(await cluster.networks.status('network'))
 * await cluster.close()
 * ```
 *
 * Errors: STORE_NOT_FOUND where there is no such store, those of the store.
 */
export async function connectCluster({
  store,
  cluster,
  token,
}: ConnectClusterOptions): Promise<ClusterConnection> {
  const [{ connectionOver }, { ApiPorts, Http, readSecret }] = await Promise.all([
    import('./cluster/client/connect.ts'),
    import('./api/index.ts'),
  ])
  const clock = systemClock
  const secret = token === undefined ? undefined : await readSecret(token, process.env)
  const opened = await openStore(store, machineClock, { create: false })
  const httpOf = (address: string): HttpOfNode =>
    new Http({ address, clock, ...(secret && { token: secret.text.trim() }) })
  return connectionOver(opened, cluster ?? 'vertigo', {
    builtInKinds,
    sendBundled,
    portsOf: (addresses) =>
      new ApiPorts({
        nodes: async () => (await addresses()).map(httpOf),
        clock,
        random: systemRandom,
      }),
  })
}

const sendBundled: SendBundled = async (source, options, { store, keys }) => {
  const [{ loadBundledDeployment }, { BundleStore }] = await Promise.all([
    import('./cluster/bundle/load-bundled.ts'),
    import('./cluster/bundle/index.ts'),
  ])
  const means = { clock: machineClock, random: systemRandom }
  const { deployment, bundles } = await loadBundledDeployment(source, { ...options, ...means })
  const kept = new BundleStore(store, keys, machineClock)
  for (const bundle of bundles) await kept.put(bundle)
  return deployment
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}
