import { machineClock } from '../../base/clock.ts'
import { systemRandom } from '../../base/random.ts'
import type { Store } from '../../store/store.ts'
import { createLoader } from '../../worker/load-module.ts'
import type { BuiltInKindsModule, Override } from '../../run/types.ts'
import { ClusterKeys, type NetworkVersion } from '../protocol/index.ts'
import { EventLog, type EventReader } from './event-log.ts'
import { loadDeployment } from './load-deployment.ts'
import { type DeployOptions, Management } from './management.ts'
import { observeCluster, type ObservedCluster } from './observer.ts'
import { Operation } from './operation.ts'

/** A cluster, as programs outside of it reach it: through its store, whether nodes are there or not. */
export interface ClusterConnection {
  /** What is asked about networks: deploying, scaling, status, versions. */
  readonly networks: Management
  /** What is asked about nodes and the cluster's configuration. */
  readonly operation: Operation
  /** What happened, for people. */
  readonly events: EventReader
  /**
   * Deploys a network: a file, or the module that exports one (path or URL). Every node must have the code at the same
   * place. Gives the version that holds it. Errors: those of `run` for networks that cannot be loaded, CLUSTER_CHANGE_CONFLICT.
   */
  deploy(
    source: string | URL,
    options: DeployOptions & { readonly set?: readonly Override[] },
  ): Promise<NetworkVersion>
  /** Sees all of the cluster, and tells of its changes, until it is closed. */
  observe(options?: { readonly troubled?: (error: Error) => void }): Promise<ObservedCluster>
  /** Ends what observes, and the connection to the store. Idempotent. */
  close(): Promise<void>
}

/** The store goes over to the connection. */
export function connectionOver(store: Store, cluster: string, builtInKinds: string): ClusterConnection {
  const keys = new ClusterKeys(cluster)
  const means = { clock: machineClock, random: systemRandom }
  const networks = new Management(store, keys, means)
  const observed = new Set<ObservedCluster>()
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await Promise.all([...observed].map((each) => each.close()))
    await store.close()
  }
  return {
    networks,
    operation: new Operation(store, keys, means),
    events: new EventLog(store, keys, means),
    async deploy(source, { set = [], ...options }) {
      const { builtInKind, builtInNames } = (await import(builtInKinds)) as BuiltInKindsModule
      const load = createLoader({ builtIn: builtInKind, builtInNames })
      const { deployment } = await loadDeployment(source, { load, builtInNames: [...builtInNames], set })
      return networks.deploy(deployment, options)
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
