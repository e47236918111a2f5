import { machineClock } from '../../base/clock.ts'
import { systemRandom } from '../../base/random.ts'
import type { Store } from '../../store/store.ts'
import { createLoader } from '../../worker/load-module.ts'
import type { BuiltInKindsModule, Override } from '../../run/types.ts'
import { ClusterKeys, type NetworkVersion, nodeRecord } from '../protocol/index.ts'
import { EventLog, type EventReader } from './event-log.ts'
import type { Deployment } from './deployment.ts'
import { loadDeployment, type LoadDeploymentOptions } from './load-deployment.ts'
import { type ChangeOptions, type DeployOptions, Management } from './management.ts'
import { observeCluster, type ObservedCluster } from './observer.ts'
import { Operation } from './operation.ts'
import { type PortClient, type RunningNetwork, runningNetwork } from './port-client.ts'
import type { DeploymentSource } from './source.ts'

/** A cluster, as programs outside of it reach it: through its store, whether nodes are there or not. */
export interface ClusterConnection {
  /** What is asked about networks: deploying, scaling, status, versions. */
  readonly networks: Management
  /** What is asked about nodes and the cluster's configuration. */
  readonly operation: Operation
  /** What happened, for people. */
  readonly events: EventReader
  /**
   * Deploys a network: a file, or the module that exports one (path or URL); or a single component, as a network of its own:
   * a module whose default export is a component or a function, or `{ component: './math.ts#add' }`. Every node must have the
   * code at the same place, unless it goes along (`bundle`). Gives the version that holds it. Errors: those of `run` for
   * networks that cannot be loaded, CLUSTER_CHANGE_CONFLICT, NAME_TAKEN; with `bundle` those of bundling, as BUNDLE_FAILED.
   */
  deploy(source: DeploymentSource, options: DeployOptions & SourceOptions): Promise<NetworkVersion>
  /**
   * Takes out of a network what a file (or module) names; the rest runs on. To end a network as a whole, name it:
   * `networks.undeploy`. Errors: NETWORK_UNKNOWN, NETWORK_INVALID where nothing would be left, CLUSTER_CHANGE_CONFLICT.
   */
  undeploy(source: DeploymentSource, options: ChangeOptions): Promise<NetworkVersion>
  /**
   * A network, to send into its exported ports and to read from them: through the HTTP API of any node that has one.
   * Errors of its methods: API_UNREACHABLE where no node has one, API_TOKEN_MISSING, API_ROLE_MISSING.
   */
  network(name: string): RunningNetwork
  /** Sees all of the cluster, and tells of its changes, until it is closed. */
  observe(options?: { readonly troubled?: (error: Error) => void }): Promise<ObservedCluster>
  /** Ends what observes, and the connection to the store. Idempotent. */
  close(): Promise<void>
}

/** How a source is read. */
export interface SourceOptions {
  /** Values in place of others: `[{ path: ['lines', 'config', 'path'], value: 'other.txt' }]`. */
  readonly set?: readonly Override[]
  /** Of components that say none themselves. */
  readonly group?: string
  /** Sends the code along, so that nodes need none of the files. Default false. */
  readonly bundle?: boolean
  /** With `bundle`: packages that stay out, since nodes have them. Default none. */
  readonly external?: readonly string[]
}

/** Reads a source, and puts its bundles into the store. */
export type SendBundled = (
  source: DeploymentSource,
  options: LoadDeploymentOptions & { readonly external: readonly string[] },
  to: { readonly store: Store; readonly keys: ClusterKeys },
) => Promise<Deployment>

/** Chosen by who puts the parts together. */
export interface ConnectionMeans {
  /** URL of a `BuiltInKindsModule`. */
  readonly builtInKinds: string
  readonly sendBundled: SendBundled
  /** Exported ports, by the addresses of the nodes' APIs. */
  readonly portsOf: (addresses: () => Promise<readonly string[]>) => PortClient
}

/** The store goes over to the connection. */
export function connectionOver(
  store: Store,
  cluster: string,
  { builtInKinds, sendBundled, portsOf }: ConnectionMeans,
): ClusterConnection {
  const keys = new ClusterKeys(cluster)
  const means = { clock: machineClock, random: systemRandom }
  const networks = new Management(store, keys, means)
  const observed = new Set<ObservedCluster>()
  const ports = portsOf(async () => {
    const { entries } = await store.range(keys.nodes)
    return entries.flatMap((entry) => nodeRecord.decode(entry).api ?? [])
  })
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await Promise.all([...observed].map((each) => each.close()))
    await store.close()
  }
  const loading = async (): Promise<LoadDeploymentOptions> => {
    const { builtInKind, builtInNames } = (await import(builtInKinds)) as BuiltInKindsModule
    const load = createLoader({ builtIn: builtInKind, builtInNames })
    return { load, builtInNames: [...builtInNames] }
  }
  return {
    networks,
    operation: new Operation(store, keys, means),
    events: new EventLog(store, keys, means),
    async deploy(source, { set = [], group, bundle = false, external = [], ...options }) {
      const reading = { ...(await loading()), set, ...(group !== undefined && { group }) }
      const deployment = bundle
        ? await sendBundled(source, { ...reading, external }, { store, keys })
        : (await loadDeployment(source, reading)).deployment
      return networks.deploy(deployment, options)
    },
    network: (name) => runningNetwork(ports, name),
    async undeploy(source, options) {
      const { deployment } = await loadDeployment(source, await loading())
      return networks.undeployPart(deployment.part, options)
    },
    async observe({ troubled } = {}) {
      const observer = await observeCluster({
        store,
        keys,
        clock: machineClock,
        ...(troubled && { troubled }),
      })
      observed.add(observer)
      return observer
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}
