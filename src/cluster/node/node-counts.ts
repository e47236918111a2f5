import { isRecord } from '../../base/values.ts'
import { VertigoError } from '../../base/errors.ts'
import type { CallHandlers } from '../../transport/call-server.ts'
import type { CountsReader, InstanceCounts, MetricValue, NetworkCounts } from '../client/index.ts'
import type { ClusterView, NodeId, PlannedInstance } from '../protocol/index.ts'
import { askAll, type Peers } from './peers.ts'
import type { ThreadWorkers } from './thread-workers.ts'

/** What one node knows of its instances of a network. */
type OwnCounts = Pick<NetworkCounts, 'instances' | 'metrics'>

export interface CountsMeans {
  readonly peers: Peers
  readonly view: () => ClusterView | undefined
}

const method = 'counts.read'
/** Somebody waits for it, and what a node that is gone would say is of little use. */
const answerMsMax = 1_000

/** Counters of instances, from the memory that the workers write them into; and of all nodes, by asking them. */
export class NodeCounts implements CountsReader {
  private readonly means: CountsMeans
  private readonly workers = new Map<string, ThreadWorkers>()

  constructor(means: CountsMeans) {
    this.means = means
  }

  /** Those of a network on this node; they take the place of earlier ones, whose threads have ended. */
  add(network: string, workers: ThreadWorkers): void {
    this.workers.set(network, workers)
    const known = this.means.view()?.networks
    if (known === undefined) return
    for (const name of this.workers.keys())
      if (name !== network && !known.has(name)) this.workers.delete(name)
  }

  /** For the other nodes. */
  get handlers(): CallHandlers {
    return { requests: { [method]: (body) => this.here(networkOf(body)) } }
  }

  async read(network: string): Promise<NetworkCounts> {
    const { peers, view } = this.means
    const plan = view()?.networks.get(network)?.plan?.value
    const nodes = new Set(plan?.workers.map(({ node }) => node))
    const { answers, missing } = await askAll(nodes, async (node) =>
      node === peers.self
        ? this.here(network)
        : asCounts(await peers.to(node).request(method, { network }, { timeoutMs: answerMsMax })),
    )
    const all = [...answers.values()]
    return {
      instances: all.flatMap(({ instances }) => instances),
      metrics: all.flatMap(({ metrics }) => metrics),
      missing,
    }
  }

  private here(network: string): OwnCounts {
    const { peers, view } = this.means
    const plan = view()?.networks.get(network)?.plan?.value
    const workers = this.workers.get(network)
    if (plan === undefined || workers === undefined) return { instances: [], metrics: [] }
    const own = new Set(plan.workers.filter(({ node }) => node === peers.self).map(({ worker }) => worker))
    const mine = plan.instances.filter(({ worker }) => own.has(worker))
    return { instances: countsOf(mine, workers, peers.self), metrics: metricsOf(mine, workers, peers.self) }
  }
}

function countsOf(
  instances: readonly PlannedInstance[],
  workers: ThreadWorkers,
  node: NodeId,
): InstanceCounts[] {
  return instances.map(({ id, component, index, worker }) => {
    const { received, sent, queued, rejected, isBlocked } = workers.counts(id)
    return { component, index, node, worker, received, sent, queued, rejected, isBlocked }
  })
}

function metricsOf(
  instances: readonly PlannedInstance[],
  workers: ThreadWorkers,
  node: NodeId,
): MetricValue[] {
  const there = new Set(instances.map(({ worker, component, index }) => `${worker} ${component}[${index}]`))
  return workers
    .metrics((worker, { component, instance }) => there.has(`${worker} ${component}[${instance}]`))
    .map((metric) => {
      const { component, name, type, ...rest } = metric
      return { node, component, name, type, value: 'value' in rest ? rest.value : rest }
    })
}

function networkOf(body: unknown): string {
  if (isRecord(body) && typeof body['network'] === 'string') return body['network']
  throw new VertigoError('CALL_INVALID', 'another node asks for the counters of no network')
}

function asCounts(body: unknown): OwnCounts {
  if (isRecord(body) && Array.isArray(body['instances']) && Array.isArray(body['metrics']))
    return body as unknown as OwnCounts
  throw new VertigoError('CALL_INVALID', 'another node answers with no counters')
}
