import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import { type PortRequest, sendTimeoutMsDefault } from '../../cluster/client/index.ts'
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
      'What an exported output gives, as server-sent events: `reading` when it begins, and again where the port has moved; `message` for each message; `failed` with an error, or `end`, at the end. With `accept: application/x-ndjson`, the messages alone, one a line.',
    role: 'viewer',
    answer: schemas.anyMessage,
    lines: true,
    async open({ params }, means) {
      const [name, port] = [params['name']!, params['port']!]
      await means.ports.check(name, 'output', port)
      return (stream) => sendMessages(name, port, stream, means)
    },
  },
  {
    method: 'POST',
    path: `${path}/request`,
    id: 'request',
    summary:
      'Sends a message, and answers with the first message of another port that has the same value in the field `correlate`.',
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

async function sendMessages(
  name: string,
  port: string,
  stream: EventStream,
  { ports }: ApiMeans,
): Promise<void> {
  let number = 0
  try {
    for await (const news of ports.read(name, port, { signal: stream.signal })) {
      if (news.type === 'reading')
        await stream.send({ id: String(number), type: 'reading', data: { network: name, port } })
      else {
        await stream.sendMessages(news.texts, number + 1)
        number += news.texts.length
      }
    }
    await stream.send({ id: String(number), type: 'end', data: { network: name, port } })
  } catch (thrown) {
    if (stream.signal.aborted) return
    const error = isVertigoError(thrown)
      ? thrown
      : new VertigoError('INTERNAL', asError(thrown).message, { cause: thrown })
    await stream.send({ id: String(number), type: 'failed', data: errorBody(error) })
    stream.breakOff()
    if (error.code === 'INTERNAL') throw error
  }
}
