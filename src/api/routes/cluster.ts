import { VertigoError } from '../../base/errors.ts'
import { eventsMax } from '../../cluster/client/index.ts'
import { asNodeId, type ClusterConfig, type Plan } from '../../cluster/protocol/index.ts'
import type { ApiRoute } from '../route.ts'
import * as schemas from '../schemas.ts'

export const clusterRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/v1/health',
    id: 'health',
    summary: 'Whether the node answers; for probes, without a token.',
    role: undefined,
    answer: schemas.health,
    handle: async () => ({ ok: true }),
  },
  {
    method: 'GET',
    path: '/v1/node',
    id: 'identity',
    summary: 'Which node answers, and as whom it knows the caller.',
    role: 'viewer',
    answer: schemas.identity,
    handle: async ({ caller }, { node }) => ({ ...node, caller }),
  },
  {
    method: 'GET',
    path: '/v1/nodes',
    id: 'listNodes',
    summary: 'The nodes of the cluster, by id.',
    role: 'viewer',
    answer: schemas.nodes,
    async handle(_, { operation, observer }) {
      const plans: Plan[] = []
      for (const { plan } of observer.view.networks.values()) if (plan !== undefined) plans.push(plan.value)
      return operation.nodes(plans)
    },
  },
  {
    method: 'POST',
    path: '/v1/nodes/:id/drain',
    id: 'drainNode',
    summary: 'Moves all instances of a node away, and gives it no new ones; it stays in the cluster.',
    role: 'operator',
    answer: schemas.done,
    async handle({ params, caller }, { operation }) {
      await operation.drain(asNodeId(params['id']!), caller.name)
      return { done: true }
    },
  },
  {
    method: 'POST',
    path: '/v1/nodes/:id/undrain',
    id: 'undrainNode',
    summary: 'Lets a node have instances again.',
    role: 'operator',
    answer: schemas.done,
    async handle({ params }, { operation }) {
      await operation.undrain(asNodeId(params['id']!))
      return { done: true }
    },
  },
  {
    method: 'GET',
    path: '/v1/config',
    id: 'getConfig',
    summary: 'The configuration of the cluster.',
    role: 'viewer',
    answer: schemas.configuration,
    handle: (_, { operation }) => operation.config(),
  },
  {
    method: 'PUT',
    path: '/v1/config',
    id: 'setConfig',
    summary: 'Replaces the configuration of the cluster.',
    role: 'admin',
    body: schemas.configuration,
    answer: schemas.configuration,
    async handle({ body }, { operation }) {
      await operation.configure(body as ClusterConfig)
      return operation.config()
    },
  },
  {
    method: 'GET',
    path: '/v1/events',
    id: 'listEvents',
    summary: 'What happened in the cluster, the oldest first: events behind the number `after`.',
    role: 'viewer',
    query: schemas.eventsQuery,
    answer: schemas.events,
    handle: ({ query }, { events }) =>
      events.read(Number(query['after'] ?? 0), Math.min(Number(query['limit'] ?? eventsMax), eventsMax)),
  },
  {
    method: 'GET',
    path: '/v1/events/watch',
    id: 'watchEvents',
    summary:
      'Events of the cluster as server-sent events: `event` for each behind the number `after` (or `Last-Event-ID`), then as they come.',
    role: 'viewer',
    query: schemas.streamQuery,
    answer: schemas.event,
    async open({ query, lastEventId }, { events }) {
      const after = Number(lastEventId ?? query['after'] ?? 0)
      if (!Number.isSafeInteger(after) || after < 0)
        throw new VertigoError('API_REQUEST_INVALID', 'Last-Event-ID is not the number of an event.')
      return async (stream) => {
        for await (const event of events.follow(after, stream.signal)) {
          await stream.send({ id: String(event.number), type: 'event', data: event })
          if (stream.signal.aborted) return
        }
      }
    },
  },
]
