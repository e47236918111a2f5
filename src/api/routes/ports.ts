import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import {
  advanced,
  type PortRequest,
  positionLengthMax,
  sendTimeoutMsDefault,
} from '../../cluster/client/index.ts'
import { errorBody } from '../error-body.ts'
import type { EventStream } from '../event-stream.ts'
import { messagesOf } from '../message-lines.ts'
import type { ApiMeans, ApiRoute } from '../route.ts'
import * as schemas from '../schemas.ts'

const path = '/v1/networks/:name'

/** The messages have 1 MiB at most; around them there may be blanks. */
const bodyBytesMax = 2 * 1024 * 1024

export const portRoutes: readonly ApiRoute[] = [
  {
    method: 'POST',
    path: `${path}/ports/:port`,
    id: 'sendMessages',
    summary:
      'Sends into an exported input: one message; an array of messages, or lines with one each, which are taken together or not at all. Answered when the network has taken them.',
    role: 'operator',
    query: schemas.sendQuery,
    body: schemas.messagesBody,
    bodyBytesMax,
    answer: schemas.messagesTaken,
    async handle({ params, query, body, signal }, { ports }) {
      const messages = messagesOf(body)
      const timeoutMs = Number(query['timeoutMs'] ?? sendTimeoutMsDefault)
      await ports.send(params['name']!, params['port']!, messages, { timeoutMs, signal })
      return { taken: messages.length }
    },
  },
  {
    method: 'GET',
    path: `${path}/ports/:port`,
    id: 'readMessages',
    summary:
      'What an exported output gives, as server-sent events: `reading` when it begins, and again where the port has moved; `message` for each message; `failed` with an error, or `end`, at the end. With `accept: application/x-ndjson`, the messages alone, one a line. Of a network that is exactly-once, what is committed: each message once, and from `Last-Event-ID` on for whoever comes back.',
    role: 'viewer',
    query: schemas.readQuery,
    answer: schemas.anyMessage,
    lines: true,
    async open({ params, query, lastEventId }, means) {
      const [name, port] = [params['name']!, params['port']!]
      await means.ports.check(name, 'output', port)
      const uncommitted = query['uncommitted'] === 'true'
      const after = lastEventId?.slice(0, positionLengthMax)
      return (stream) => sendMessages({ name, port, uncommitted, after }, stream, means)
    },
  },
  {
    method: 'POST',
    path: `${path}/request`,
    id: 'request',
    summary:
      'Sends a message, and answers with what a component has answered to it (`context.answer`), when all that came of it has been handled; without `answer` where none has.',
    role: 'operator',
    body: schemas.requestBody,
    bodyBytesMax,
    answer: schemas.requestAnswer,
    async handle({ params, body, signal }, { ports }) {
      const request = body as Omit<PortRequest, 'signal'>
      return { answer: await ports.request(params['name']!, { ...request, signal }) }
    },
  },
]

interface Read {
  readonly name: string
  readonly port: string
  readonly uncommitted: boolean
  readonly after: string | undefined
}

/** Ids are positions where there are any, for `Last-Event-ID`; else they count. */
async function sendMessages(
  { name, port, uncommitted, after }: Read,
  stream: EventStream,
  { ports }: ApiMeans,
): Promise<void> {
  let id = '0'
  try {
    for await (const news of ports.read(name, port, { signal: stream.signal, uncommitted, after })) {
      if (news.type === 'reading') {
        // It may have been a position, of a version that gave what is committed.
        id = news.at ?? (/^\d+$/.test(id) ? id : '0')
        const { missed } = news
        const data = { network: name, port, ...(missed !== undefined && { missed }) }
        await stream.send({ id, type: 'reading', data })
      } else {
        const ids = idsOf(news.at, id, news.texts.length)
        id = ids.at(-1)!
        await stream.sendMessages(news.texts, ids)
      }
    }
    await stream.send({ id, type: 'end', data: { network: name, port } })
  } catch (thrown) {
    if (stream.signal.aborted) return
    const error = isVertigoError(thrown)
      ? thrown
      : new VertigoError('INTERNAL', asError(thrown).message, { cause: thrown })
    await stream.send({ id, type: 'failed', data: errorBody(error) })
    stream.breakOff()
    if (error.code === 'INTERNAL') throw error
  }
}

function idsOf(at: string | undefined, last: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) =>
    at === undefined ? String(Number(last) + 1 + n) : advanced(at, n),
  )
}
