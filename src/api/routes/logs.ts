import {
  type LogLevel,
  type LogQuery,
  logLinesDefault,
  type NetworkCounts,
  type NetworkStatus,
} from '../../cluster/client/index.ts'
import type { ApiCall, ApiRoute } from '../route.ts'
import * as schemas from '../schemas.ts'

const path = '/v1/networks/:name/logs'

export const logRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path,
    id: 'readLogs',
    summary:
      'What the instances of a network logged, and the messages they rejected, on all nodes: the newest lines, the oldest of them first.',
    role: 'viewer',
    query: schemas.logsQuery,
    answer: schemas.logPage,
    async handle({ params, query }, { logs, management }) {
      const name = params['name']!
      await management.desired(name)
      return logs.read(name, logQuery(query))
    },
  },
  {
    method: 'GET',
    path: `${path}/watch`,
    id: 'watchLogs',
    summary:
      'The same as server-sent events, and then as they come: `line`; `dropped` where a node had let lines go before they were read; `missing` for a node that says nothing. After a break some lines may come again.',
    role: 'viewer',
    query: schemas.logsQuery,
    answer: schemas.logLine,
    async open({ params, query, lastEventId }, { logs, management }) {
      const name = params['name']!
      await management.desired(name)
      // Empty while the lines of the beginning are given: they begin again.
      const after = lastEventId === undefined || lastEventId === '' ? {} : { after: lastEventId }
      return async (stream) => {
        for await (const news of logs.follow(name, { ...logQuery(query), ...after }, stream.signal)) {
          const { type, cursor, ...rest } = news
          await stream.send({ id: cursor, type, data: 'line' in rest ? rest.line : rest })
          if (stream.signal.aborted) return
        }
      }
    },
  },
]

function logQuery(query: ApiCall['query']): LogQuery {
  const { component, level, since, limit } = query
  return {
    limit: limit === undefined ? logLinesDefault : Number(limit),
    ...(component !== undefined && { component }),
    ...(level !== undefined && { level: level as LogLevel }),
    ...(since !== undefined && { sinceMs: Number(since) }),
  }
}

/** Of each instance what its node counts. Where one moved meanwhile, the other one's counters are not its own. */
export function withCounters(status: NetworkStatus, counts: NetworkCounts): object {
  const { instances, metrics, missing } = counts
  const byPlace = new Map(instances.map((one) => [`${one.worker} ${one.component}[${one.index}]`, one]))
  return {
    ...status,
    instances: status.instances.map((one) => {
      const found = byPlace.get(`${one.worker} ${one.component}[${one.index}]`)
      if (found === undefined) return one
      const { received, sent, queued, rejected, isBlocked } = found
      return { ...one, counters: { received, sent, queued, rejected, isBlocked } }
    }),
    metrics,
    missing,
  }
}
