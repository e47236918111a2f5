import { VertigoError } from '../../base/errors.ts'
import {
  checkDeployment,
  checkPart,
  type GoOnFrom,
  type NetworkStatus,
  statusInView,
} from '../../cluster/client/index.ts'
import { asVersion, type VersionRecord } from '../../cluster/protocol/index.ts'
import type { FlatNetwork } from '../../model/flatten.ts'
import { networkBytesMax } from '../../model/limits.ts'
import type { NetworkSummary } from '../client.ts'
import type { EventStream } from '../event-stream.ts'
import type { ApiCall, ApiMeans, ApiRoute } from '../route.ts'
import * as schemas from '../schemas.ts'
import { requireBundles } from './bundles.ts'
import { withCounters } from './logs.ts'

/** Bodies were checked by the route's schema. */
interface Expecting {
  readonly expected?: number
  readonly discardState?: readonly string[]
}

function change(call: ApiCall): { readonly by: string } & Expecting {
  const { expected, discardState } = call.body as Expecting
  return {
    by: call.caller.name,
    ...(expected !== undefined && { expected }),
    ...(discardState !== undefined && { discardState }),
  }
}

const path = '/v1/networks'

export const networkRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path,
    id: 'listNetworks',
    summary: 'All networks, by name.',
    role: 'viewer',
    answer: schemas.summaries,
    async handle(_, { management }) {
      const names = await management.list()
      const found = await Promise.all(
        names.map((name) =>
          management
            .status(name)
            .then(summary)
            .catch((error: unknown) => damaged(name, error)),
        ),
      )
      return found.filter((one) => one !== undefined)
    },
  },
  {
    method: 'POST',
    path,
    id: 'deploy',
    summary: 'Merges a network, or a part of one, into what is there; or replaces that.',
    role: 'operator',
    body: schemas.deployBody,
    bodyBytesMax: networkBytesMax,
    answer: schemas.versionMade,
    async handle(call, { management, bundles, snapshots }) {
      const {
        part,
        kinds,
        mode = 'merge',
        bare = false,
        alone = false,
        from,
        discardState = [],
      } = call.body as {
        readonly part: unknown
        readonly kinds: unknown
        readonly mode?: 'merge' | 'replace'
        readonly bare?: boolean
        readonly alone?: boolean
        readonly from?: GoOnFrom
        readonly discardState?: readonly string[]
      }
      const deployment = checkDeployment(part, kinds, alone)
      await requireBundles(deployment, bundles)
      const version = await management.deploy(deployment, {
        ...change(call),
        mode,
        bare,
        ...(from && { from }),
        discardState,
        place: (network) => snapshots.checkPlace(network),
      })
      return { name: deployment.part.name, version }
    },
  },
  {
    method: 'GET',
    path: `${path}/:name`,
    id: 'networkStatus',
    summary:
      'What becomes of a network, instance by instance; with `counters=true` with what their nodes count, which takes up to a second where a node does not answer.',
    role: 'viewer',
    query: schemas.statusQuery,
    answer: schemas.countedStatus,
    async handle({ params, query }, { management, counts }) {
      const name = params['name']!
      const status = await management.status(name)
      return query['counters'] === 'true' ? withCounters(status, await counts.read(name)) : status
    },
  },
  {
    method: 'DELETE',
    path: `${path}/:name`,
    id: 'undeploy',
    summary: 'Ends a network: sources end, what is on its way is handled, then everything stops.',
    role: 'operator',
    answer: schemas.status,
    async handle({ params }, { management }) {
      await management.undeploy(params['name']!)
      return management.status(params['name']!)
    },
  },
  {
    method: 'POST',
    path: `${path}/:name/undeploy-part`,
    id: 'undeployPart',
    summary: 'Takes a part out of a network; the rest runs on.',
    role: 'operator',
    body: schemas.undeployPartBody,
    bodyBytesMax: networkBytesMax,
    answer: schemas.versionMade,
    async handle(call, { management }) {
      const name = call.params['name']!
      const part = { ...checkPart((call.body as { readonly part: unknown }).part), name }
      return { name, version: await management.undeployPart(part, change(call)) }
    },
  },
  {
    method: 'POST',
    path: `${path}/:name/forget`,
    id: 'forget',
    summary: 'Removes all versions and records of a network that is at its end.',
    role: 'admin',
    answer: schemas.done,
    async handle({ params }, { management }) {
      await management.forget(params['name']!)
      return { done: true }
    },
  },
  {
    method: 'POST',
    path: `${path}/:name/scale`,
    id: 'scale',
    summary: 'Sets the number of copies of a component.',
    role: 'operator',
    body: schemas.scaleBody,
    answer: schemas.versionMade,
    async handle(call, { management }) {
      const name = call.params['name']!
      const { component, instances } = call.body as {
        readonly component: string
        readonly instances: number
      }
      return { name, version: await management.scale(name, component, instances, change(call)) }
    },
  },
  {
    method: 'POST',
    path: `${path}/:name/rollback`,
    id: 'rollback',
    summary: 'Makes a new version with the content of an older one.',
    role: 'operator',
    body: schemas.rollbackBody,
    answer: schemas.versionMade,
    async handle(call, { management, snapshots }) {
      const name = call.params['name']!
      const { to } = call.body as { readonly to: number }
      const place = (network: FlatNetwork): Promise<void> => snapshots.checkPlace(network)
      return { name, version: await management.rollback(name, asVersion(to), { ...change(call), place }) }
    },
  },
  {
    method: 'GET',
    path: `${path}/:name/versions`,
    id: 'versions',
    summary: 'The versions of a network that are kept, newest first.',
    role: 'viewer',
    answer: schemas.versions,
    async handle({ params }, { management }) {
      const records = await management.versions(params['name']!)
      return records.map(({ version, createdAtMs, by, change, flat }) => {
        return { version, createdAtMs, by, change, ...sizeOf(flat) }
      })
    },
  },
  {
    method: 'GET',
    path: `${path}/:name/definition`,
    id: 'describe',
    summary: 'A network as it is deployed: its newest version, or another one.',
    role: 'viewer',
    query: schemas.versionQuery,
    answer: schemas.definition,
    async handle({ params, query }, { management }) {
      const name = params['name']!
      const asked = query['version']
      const version =
        asked === undefined ? (await management.desired(name)).version : asVersion(Number(asked))
      return { name, ...(await management.version(name, version)) }
    },
  },
  {
    method: 'GET',
    path: `${path}/:name/watch`,
    id: 'watchNetwork',
    summary:
      'The status of a network as server-sent events: `status` now and after each change (of many at once only the last), `gone` when it was forgotten.',
    role: 'viewer',
    answer: schemas.status,
    async open({ params, lastEventId }, means) {
      const name = params['name']!
      // For its error.
      await means.management.desired(name)
      return (stream) => sendStatuses(name, lastEventId, stream, means)
    },
  },
]

/** One of which a record cannot be read hides no other; undefined where it is gone. */
function damaged(name: string, error: unknown): NetworkSummary | undefined {
  if (!(error instanceof VertigoError)) throw error
  const { code, message, remedy } = error
  if (code === 'NETWORK_UNKNOWN') return undefined
  if (code !== 'STORE_CORRUPT') throw error
  const nothing = { version: 0, generation: 0, components: 0, instances: 0 }
  return { name, state: 'damaged', ...nothing, error: { code, message, remedy } }
}

function summary({ name, state, version, generation, instances }: NetworkStatus): NetworkSummary {
  const components = new Set(instances.map(({ component }) => component)).size
  return { name, state, version, generation, components, instances: instances.length }
}

function sizeOf({ components }: VersionRecord['flat']): {
  readonly components: number
  readonly instances: number
} {
  const all = Object.values(components)
  return {
    components: all.length,
    instances: all.reduce((sum, { instances = 1 }) => sum + instances, 0),
  }
}

/** The id of an event is the revision of the store that it shows, so that any node can go on where another stopped. */
async function sendStatuses(
  name: string,
  lastEventId: string | undefined,
  stream: EventStream,
  { observer }: ApiMeans,
): Promise<void> {
  const seen = lastEventId === undefined ? NaN : Number(lastEventId)
  let wake = (): void => undefined
  let isChanged = true
  let sent = ''
  const change = (): void => {
    isChanged = true
    wake()
  }
  const unsubscribe = observer.subscribe((networks) => {
    if (networks.has(name)) change()
  })
  stream.signal.addEventListener('abort', change)
  try {
    let wasThere = false
    // Whoever has seen this very revision has seen this status.
    if (seen === observer.revision) sent = JSON.stringify(statusInView(observer.view.networks.get(name)))
    while (!stream.signal.aborted) {
      isChanged = false
      const status = statusInView(observer.view.networks.get(name))
      const text = JSON.stringify(status)
      if (status !== undefined && text !== sent) {
        sent = text
        await stream.send({ id: String(observer.revision), type: 'status', data: status })
      } else if (status === undefined && wasThere) {
        await stream.send({ id: String(observer.revision), type: 'gone', data: { name } })
        return
      }
      wasThere ||= status !== undefined
      // Changes while the reader was slow are one.
      if (!isChanged)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  } finally {
    unsubscribe()
  }
}
