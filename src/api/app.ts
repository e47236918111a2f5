import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { Clock } from '../base/clock.ts'
import { asError, isVertigoError, VertigoError } from '../base/errors.ts'
import type { Access, Caller } from './access.ts'
import { limitBody } from './body-time.ts'
import { asApiError, errorBody, statusOf } from './error-body.ts'
import { EventStream } from './event-stream.ts'
import { linesType, readLines } from './message-lines.ts'
import type { AnswerRoute, ApiCall, ApiMeans, ApiRoute, JsonSchema, StreamRoute } from './route.ts'
import { bundleRoutes } from './routes/bundles.ts'
import { clusterRoutes } from './routes/cluster.ts'
import { logRoutes } from './routes/logs.ts'
import { networkRoutes } from './routes/networks.ts'
import { portRoutes } from './routes/ports.ts'
import { stateRoutes } from './routes/state.ts'
import { snapshotRoutes } from './routes/snapshots.ts'
import { errorAnswer, errorSchema, object } from './schemas.ts'

/** Bounds of what may come from outside. */
export const apiLimits = {
  bodyBytesMax: 64 * 1024,
  headerBytesMax: 16 * 1024,
  /** For the headers of a request, and again for its body; where that is bytes, for each 64 KiB of it (`body-time.ts`). */
  requestMsMax: 30_000,
  handshakeMsMax: 10_000,
  connectionsMax: 1024,
  streamsMax: 256,
  /** Bodies of bytes that are taken at a time: each is in memory as a whole. */
  uploadsMax: 8,
} as const

/** How long an answer to what is no request may take to be read. */
const lingerMs = 1_000

export const apiRoutes: readonly ApiRoute[] = [
  ...clusterRoutes,
  ...networkRoutes,
  ...snapshotRoutes,
  ...bundleRoutes,
  ...logRoutes,
  ...portRoutes,
  ...stateRoutes,
]

export interface AppMeans extends ApiMeans {
  readonly access: Access
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Default: that of `apiLimits`. */
  readonly requestMsMax?: number
}

/** The application without its server; `extend` is called before there are routes. */
export async function makeApp(
  means: AppMeans,
  extend: (app: FastifyInstance) => Promise<void> = async () => undefined,
): Promise<FastifyInstance> {
  // Loaded here, so that who has no API to serve does not pay for it.
  const { fastify } = await import('fastify')
  const app = fastify({
    bodyLimit: apiLimits.bodyBytesMax,
    // By `limitBody`, which knows what is asked.
    requestTimeout: 0,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 512 },
    ...servedBy(means),
    // What does not fit is told, never made to fit.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    clientErrorHandler: (error, socket) => answerRubbish(error, socket, means.clock),
    frameworkErrors: (error, _, reply) => {
      answerError(asApiError(error), reply)
    },
  })
  app.server.maxConnections = apiLimits.connectionsMax
  // The schemas of answers are for readers; they do not decide what is sent.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  app.removeContentTypeParser('text/plain')
  app.addContentTypeParser(linesType, { parseAs: 'string' }, async (_: FastifyRequest, text: string) =>
    readLines(text),
  )
  app.addSchema(errorSchema)
  app.setErrorHandler((thrown, request, reply) => {
    const error = asApiError(thrown)
    if (statusOf(error.code) === 500) means.troubled(asError(thrown), `${request.method} ${request.url}`)
    return answerError(error, reply)
  })
  app.setNotFoundHandler((request, reply) => answerError(notFound(request, reply), reply))
  app.addHook('onRequest', async ({ raw, routeOptions: { url } }, reply) => {
    const { clock, requestMsMax: limitMs = apiLimits.requestMsMax } = means
    const isForRate = apiRoutes.some(({ path, takesBytes }) => path === url && takesBytes !== undefined)
    limitBody(raw, { clock, limitMs, isForRate }, () => cutOff(raw.socket, reply.raw.headersSent, clock))
  })
  await extend(app)
  const streams = new Streams(means)
  app.addHook('preClose', async () => streams.close())
  app.register(async (scope) => {
    for (const route of apiRoutes)
      if (route.takesBytes === undefined) scope.route(routeOptions(route, means, streams))
  })
  app.register(async (scope) => takeBytes(scope, means, streams))
  app.register(async (scope) => takeStreams(scope, means, streams))
  await app.ready()
  return app
}

/** The server below. The type is that of one without TLS, whose interface is the same to us. */
function servedBy({ tls, requestMsMax = apiLimits.requestMsMax }: AppMeans): { readonly http: object } {
  const options = {
    maxHeaderSize: apiLimits.headerBytesMax,
    headersTimeout: requestMsMax,
    // How often Node looks who is late.
    connectionsCheckingInterval: Math.ceil(requestMsMax / 6),
  }
  if (tls === undefined) return { http: options }
  const https = { ...options, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: apiLimits.handshakeMsMax }
  return { https } as unknown as { readonly http: object }
}

function routeOptions(route: ApiRoute, means: AppMeans, streams: Streams): RouteOptions {
  const { method, path, role, bodyBytesMax } = route
  const callers = new WeakMap<FastifyRequest, Caller>()
  return {
    method,
    url: path,
    ...(bodyBytesMax !== undefined && { bodyLimit: bodyBytesMax }),
    schema: schemaOf(route),
    // Before the body is read: who may not ask is not listened to.
    onRequest: async (request) => {
      if (role !== undefined) callers.set(request, means.access.admit(accessFacts(request), role))
    },
    handler: async (request, reply) => {
      const call: ApiCall = {
        params: request.params as ApiCall['params'],
        query: request.query as ApiCall['query'],
        body: request.body,
        caller: callers.get(request) ?? { name: 'anonymous', role: 'viewer' },
        lastEventId: headerOf(request, 'last-event-id'),
        signal: goneSignal(reply),
      }
      reply.header('cache-control', 'no-store')
      if ('handle' in route) return answered(route, call, means, reply)
      if ('bytes' in route) return sentBytes(route.bytes(call, means), reply)
      await streams.begin(route, call, request, reply)
      return reply
    },
  }
}

/** Aborted where the connection is closed before the answer is written. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController()
  raw.once('close', () => {
    if (!raw.writableFinished)
      gone.abort(new VertigoError('CALL_CANCELLED', 'Whoever asked has closed the connection.'))
  })
  return gone.signal
}

async function answered(
  route: AnswerRoute,
  call: ApiCall,
  means: ApiMeans,
  reply: FastifyReply,
): Promise<FastifyReply> {
  let content: unknown
  try {
    content = await route.handle(call, means)
  } catch (error) {
    // Nobody is there to be told that what was given up was given up.
    if (call.signal.aborted && isVertigoError(error) && error.code === 'CALL_CANCELLED') return reply.hijack()
    throw error
  }
  return reply.type('application/json').send(content)
}

/** The first bytes decide whether there is an answer at all. */
async function sentBytes(pieces: AsyncIterable<Uint8Array>, reply: FastifyReply): Promise<FastifyReply> {
  const iterator = pieces[Symbol.asyncIterator]()
  const first = await iterator.next()
  const all = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let next = first; next.done !== true; next = await iterator.next()) yield next.value
    } finally {
      await iterator.return?.()
    }
  }
  return reply.type(bytesType).send(Readable.from(all(), { objectMode: false }))
}

/** Routes that take bytes as they come. What is not taken is thrown away by the connection's end. */
function takeStreams(scope: FastifyInstance, means: AppMeans, streams: Streams): void {
  let uploads = 0
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser(bytesType, (_, payload, done) => {
    done(null, payload)
  })
  for (const route of apiRoutes) {
    if (route.takesBytes !== 'stream') continue
    scope.route({
      ...routeOptions(route, means, streams),
      preParsing: async (_, reply) => {
        if (uploads >= apiLimits.uploadsMax)
          throw new VertigoError('API_BUSY', `This node takes ${uploads} files already.`)
        uploads++
        reply.raw.once('close', () => uploads--)
      },
    })
  }
}

/** Routes that take bytes, and nothing else. */
function takeBytes(scope: FastifyInstance, means: AppMeans, streams: Streams): void {
  let uploads = 0
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser(bytesType, { parseAs: 'buffer' }, (_, body, done) => {
    done(null, body)
  })
  for (const route of apiRoutes) {
    if (route.takesBytes !== true) continue
    const options = routeOptions(route, means, streams)
    scope.route({
      ...options,
      // Behind the look at who asks, and before the body is read.
      preParsing: async (_, reply) => {
        if (uploads >= apiLimits.uploadsMax)
          throw new VertigoError('API_BUSY', `This node takes ${uploads} bundles already.`)
        uploads++
        reply.raw.once('close', () => uploads--)
      },
    })
  }
}

const bytesType = 'application/octet-stream'
const bytes = { description: 'Bytes.' } as const

/** For the validator, and for the document. */
function schemaOf(route: ApiRoute): JsonSchema {
  const { path, id, summary, role, query, body, answer, takesBytes } = route
  const params = [...path.matchAll(/:(\w+)/g)].map(([, name]) => [name!, { type: 'string' }] as const)
  return {
    operationId: id,
    summary,
    ...(role === undefined ? { security: [] } : { description: `For the role ${role}, and those above.` }),
    ...(params.length > 0 && { params: object(Object.fromEntries(params)) }),
    querystring: query ?? object({}),
    ...(body !== undefined && { body }),
    ...(takesBytes !== undefined && { consumes: [bytesType], body: bytes }),
    response: {
      200:
        'open' in route
          ? {
              description: 'Events, until either end closes.',
              content: {
                'text/event-stream': { schema: answer },
                ...(route.lines === true && { [linesType]: { schema: answer } }),
              },
            }
          : 'bytes' in route
            ? { description: 'Bytes.', content: { [bytesType]: { schema: answer } } }
            : { description: 'It was done.', ...answer },
      default: { description: 'It was not done, and why.', ...errorAnswer },
    },
  }
}

function accessFacts(request: FastifyRequest): Parameters<Access['admit']>[0] {
  return {
    host: headerOf(request, 'host'),
    origin: headerOf(request, 'origin'),
    site: headerOf(request, 'sec-fetch-site'),
    authorization: headerOf(request, 'authorization'),
    user: headerOf(request, 'vertigo-user'),
  }
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

function notFound(request: FastifyRequest, reply: FastifyReply): VertigoError {
  const path = request.url.replace(/\?.*$/s, '')
  const matches = ({ path: pattern }: ApiRoute): boolean =>
    new RegExp(`^${pattern.replaceAll(/:\w+/g, '[^/]+')}$`).test(path)
  const methods = [...new Set(apiRoutes.filter(matches).map(({ method }) => method))]
  const shown = path.slice(0, 200)
  if (methods.length === 0)
    return new VertigoError('API_ROUTE_UNKNOWN', `There is nothing at ${request.method} ${shown}.`)
  reply.header('allow', methods.join(', '))
  return new VertigoError(
    'API_METHOD_UNKNOWN',
    `${shown} does not take ${request.method}, but ${methods.join(', ')}.`,
  )
}

function answerError(error: VertigoError, reply: FastifyReply): FastifyReply {
  // Who is closed upon while sending sees a broken connection, and not why. What still comes is thrown away, until the
  // time of a request is over.
  reply.removeHeader('connection')
  reply.request.raw.resume()
  if (error.code === 'API_TOKEN_MISSING') reply.header('www-authenticate', 'Bearer')
  return reply
    .code(statusOf(error.code))
    .header('cache-control', 'no-store')
    .type('application/json')
    .send({ error: errorBody(error) })
}

/** Whoever stands still, or nearly, holds a connection, and room for a body. */
function cutOff(socket: Socket, isAnswered: boolean, clock: Clock): void {
  if (isAnswered || !socket.writable) {
    socket.destroy()
    return
  }
  const fault = new VertigoError('API_REQUEST_INVALID', 'The request did not come to its end in time.')
  endWith(socket, 408, fault, clock)
}

/** What is no HTTP, or has headers without end, comes before there is a request. */
function answerRubbish(error: Error & { readonly code?: string }, socket: Socket, clock: Clock): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, fault] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ([
          431,
          new VertigoError('API_REQUEST_TOO_LARGE', 'The headers of the request are too large.'),
        ] as const)
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ([
            408,
            new VertigoError('API_REQUEST_INVALID', 'The request did not come to its end in time.'),
          ] as const)
        : ([400, new VertigoError('API_REQUEST_INVALID', 'What came is no HTTP request.')] as const)
  endWith(socket, status, fault, clock)
}

function endWith(socket: Socket, status: number, fault: VertigoError, clock: Clock): void {
  const body = JSON.stringify({ error: errorBody(fault) })
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
  // Who goes on sending never ends its half; at once it would see a broken connection, and not why.
  clock.after(lingerMs, () => socket.destroy(), { background: true })
}

/** The streams that are open. Each is supervised here. */
class Streams {
  private readonly means: ApiMeans
  private readonly open = new Map<EventStream, Promise<void>>()

  constructor(means: ApiMeans) {
    this.means = means
  }

  async begin(
    route: StreamRoute,
    call: ApiCall,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    if (this.open.size >= apiLimits.streamsMax)
      throw new VertigoError('API_BUSY', `This node has ${apiLimits.streamsMax} readers of events already.`)
    const feed = await route.open(call, this.means)
    reply.hijack()
    const asLines = route.lines === true && (headerOf(request, 'accept') ?? '').includes(linesType)
    const stream = new EventStream(reply.raw, this.means.clock, asLines ? 'lines' : 'events')
    this.open.set(stream, this.feed(stream, feed, request.url))
  }

  async close(): Promise<void> {
    for (const stream of this.open.keys()) stream.close()
    await Promise.all(this.open.values())
  }

  private async feed(
    stream: EventStream,
    feed: (stream: EventStream) => Promise<void>,
    url: string,
  ): Promise<void> {
    try {
      await feed(stream)
    } catch (error) {
      if (!stream.signal.aborted) this.means.troubled(asError(error), `GET ${url}`)
    } finally {
      stream.close()
      this.open.delete(stream)
    }
  }
}
