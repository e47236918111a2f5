import { availableParallelism, hostname } from 'node:os'
import { resolve } from 'node:path'
import { type Clock, systemClock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import { type Random, systemRandom } from '../../base/random.ts'
import { parseTokens, readSecret } from '../../api/index.ts'
import type { Store } from '../../store/store.ts'
import { type RunningNetwork, runningNetwork } from '../client/index.ts'
import { checkOwnCertificate } from '../../transport/tcp/own-certificate.ts'
import { asNodeId } from '../protocol/index.ts'
import { ClusterNode } from './node.ts'
import { eventsTo, type NodeEvent } from './node-event.ts'
import { clusterDefault, type NodeApiOptions } from './node-options.ts'

/** What a node is started with. */
export interface StartNodeOptions {
  /** Address of the store that holds the cluster: `lmdb:./folder` on one machine, `etcd://host:2379` on several. */
  readonly store: string
  /** Name of the cluster; clusters of other names may share the store. Default `vertigo`. */
  readonly cluster?: string
  /** Must be unique in the cluster. Default: the name of the host with four random characters. */
  readonly id?: string
  /** Components may ask for a group. */
  readonly groups?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  /** Threads that it is meant to host, over all networks. 0: it hosts none, but may be the manager. Default: one for each core. */
  readonly workers?: number
  /** By which the other nodes reach it, for control and data. Default: 127.0.0.1, and a port that the system chooses. */
  readonly listen?: { readonly host: string; readonly port?: number }
  /** PEM texts: mutual TLS between nodes. The certificate names the node's id. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string }
  /** Listening wider than on loopback without TLS, or without tokens for the API, is meant. Default false. */
  readonly insecure?: boolean
  /** Its HTTP API. Default: none. */
  readonly api?: StartNodeApi
  /** How long others wait for a node that is frozen or cut off, in milliseconds. Default 3000. */
  readonly ttlMs?: number
  /** Folder that bundles are kept in; nobody else may write into it. Default: `vertigo/bundles` in the user's cache. */
  readonly cache?: string
  /**
   * Where snapshots are kept of networks that do not say it: `file:///folder`, which has to be the same one on all nodes, or
   * `s3://bucket/prefix`. The same for all nodes. Default: beside a store in a folder; else each network has to say it.
   */
  readonly snapshots?: string
  /**
   * Folder in which sources that cannot rewind keep what they have received; nobody else may write into it. Default: beside a store in a
   * folder, else `vertigo/journals` in the user's folder for state; each node has one of its own there.
   */
  readonly journals?: string
  /** Gives the start up, or leaves at once. */
  readonly signal?: AbortSignal
  /** Must not throw. */
  readonly onEvent?: (event: NodeEvent) => void
}

export interface StartNodeApi {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 7411; where that is taken, any that is free. 0: any that is free. */
  readonly port?: number
  /** PEM texts: it is served over TLS. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Where its tokens are: `file:path` or `env:NAME`; one a line, `<role> <name> <token>`. */
  readonly tokens?: string
}

/** A node that runs in this process. */
export interface RunningNode {
  /** A network of the cluster, to send into its exported ports and to read from them, by this node's own connections. */
  network(name: string): RunningNetwork
  readonly id: string
  readonly cluster: string
  /** Base address of its HTTP API, where it has one. */
  readonly apiAddress: string | undefined
  /**
   * Fulfilled when it has left; rejected where it gave up and ended by itself, with why: its store was replaced (STORE_REPLACED), or
   * another cluster is in it (CLUSTER_REPLACED, CLUSTER_FORMAT_NEWER).
   */
  readonly ended: Promise<void>
  /** Its instances move to other nodes, for `graceMs` at most (default 30,000), then it leaves. Idempotent. */
  drain(options?: { readonly graceMs?: number }): Promise<void>
  /** Leaves at once; others take over. Idempotent; cuts `drain` short. */
  close(): Promise<void>
}

/** Chosen by who puts the parts together. */
export interface StartNodeMeans {
  readonly openStore: (url: string, clock: Clock) => Promise<Store>
  /** Errors: SNAPSHOT_STORAGE_URL_INVALID. */
  readonly checkSnapshots: (address: string) => void
  /** URLs of modules; see `RunModules`. */
  readonly builtInKinds: string
  readonly stores: string
  readonly version: string
}

const ttlMsMin = 100

/** Errors: USAGE, SNAPSHOT_STORAGE_URL_INVALID, those of `checkOwnCertificate`, and of `ClusterNode.start`. */
export async function startNode(options: StartNodeOptions, means: StartNodeMeans): Promise<RunningNode> {
  const {
    cluster = clusterDefault,
    id = randomId(systemRandom),
    listen,
    tls,
    insecure,
    ttlMs,
    signal,
  } = options
  check(options, cluster, id)
  if (options.snapshots !== undefined) means.checkSnapshots(options.snapshots)
  if (tls !== undefined) checkOwnCertificate(tls, id, systemClock.now())
  const api = options.api === undefined ? undefined : await apiOptions(options.api, insecure)
  const node = await ClusterNode.start(
    {
      cluster,
      id: asNodeId(id),
      storeUrl: options.store,
      openStore: means.openStore,
      groups: options.groups ?? [],
      labels: options.labels ?? {},
      workers: options.workers ?? availableParallelism(),
      ...(listen !== undefined && { listen: { host: listen.host, port: listen.port ?? 0 } }),
      ...(tls !== undefined && { tls }),
      ...(insecure !== undefined && { insecure }),
      ...(api !== undefined && { api }),
      ...(ttlMs !== undefined && { ttlMs }),
      ...(options.cache !== undefined && { cache: resolve(options.cache) }),
      ...(options.snapshots !== undefined && { snapshots: options.snapshots }),
      ...(options.journals !== undefined && { journals: resolve(options.journals) }),
      version: means.version,
      builtInKinds: means.builtInKinds,
      stores: means.stores,
      events: eventsTo(cluster, teller(options.onEvent)),
    },
    signal,
  )
  const onAbort = (): void => {
    node.close().catch(throwLater)
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted === true) onAbort()
  return {
    id,
    cluster,
    apiAddress: node.apiAddress,
    ended: node.ended,
    network: (name) => runningNetwork(node.ports, name),
    drain: (drainOptions) => node.drain(drainOptions),
    close: () => node.close(),
  }
}

/** `web-1-3f0c`. */
export function randomId(random: Random): string {
  const host = hostname()
    .split('.')[0]!
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .slice(0, 40)
  const suffix = random
    .int(2 ** 16)
    .toString(16)
    .padStart(4, '0')
  return `${host === '' ? 'node' : host}-${suffix}`
}

function check({ store, ttlMs, workers, tls }: StartNodeOptions, cluster: string, id: string): void {
  const wrong = (message: string): VertigoError => new VertigoError('USAGE', message)
  if (store === 'memory:')
    throw wrong('`memory:` is a store that lives in one process; a cluster needs another one.')
  for (const [what, name] of [
    ['The id of a node', id],
    ['The name of a cluster', cluster],
  ] as const)
    if (!/^[\w.-]{1,100}$/.test(name))
      throw wrong(`${what} is made of letters, digits, "-", "_" and ".", not "${name}".`)
  if (ttlMs !== undefined && !(Number.isSafeInteger(ttlMs) && ttlMs >= ttlMsMin))
    throw wrong(`The time to live must be a whole number of milliseconds, ${ttlMsMin} or more, not ${ttlMs}.`)
  if (workers !== undefined && !(Number.isSafeInteger(workers) && workers >= 0))
    throw wrong(`The number of workers must be a whole number, not ${workers}.`)
  if (tls !== undefined)
    for (const text of [tls.ca, tls.cert, tls.key])
      if (!text.includes('-----BEGIN ')) throw wrong('The certificates and the key must be PEM texts.')
}

async function apiOptions(
  { host, port, tokens, tls }: StartNodeApi,
  insecure: boolean | undefined,
): Promise<NodeApiOptions> {
  const secret = tokens === undefined ? undefined : await readSecret(tokens, process.env)
  return {
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(secret !== undefined && { tokens: parseTokens(secret.text, secret.place) }),
    ...(tls !== undefined && { tls }),
    ...(insecure !== undefined && { insecure }),
    elsewhere: port === undefined,
  }
}

/** What a listener throws is its owner's fault, and must not end what the node is about to do. */
function teller(onEvent: StartNodeOptions['onEvent']): (event: NodeEvent) => void {
  if (onEvent === undefined) return () => undefined
  return (event) => {
    try {
      onEvent(event)
    } catch (error) {
      throwLater(error)
    }
  }
}

function throwLater(error: unknown): void {
  systemClock.soon(() => {
    throw error
  })
}
