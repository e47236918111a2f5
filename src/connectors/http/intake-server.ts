import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { asError, VertigoError } from '../../base/errors.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../component/index.ts'
import type { IntakeQueue, Outcome } from './intake-queue.ts'
import {
  type BodyLimits,
  formOf,
  fullRefusal,
  messagesOf,
  readBody,
  type Refusal,
  RequestRefused,
} from './request-body.ts'

export interface IntakeAddress {
  readonly host: string
  readonly port: number
  readonly path: string
}

export interface IntakeServerMeans {
  readonly component: string
  readonly clock: Clock
  readonly log: Logger
  readonly queue: IntakeQueue
  readonly limits: BodyLimits
  readonly address: IntakeAddress
  readonly token: string | undefined
}

/** Whoever is slower holds a place that others wait for. */
const requestMsMax = 30_000
const headersMsMax = 10_000
const connectionsMax = 1024
/** The instance before, of the same network, may be about to close. */
const listenMsMax = 10_000
const retryMs = 50

/** Takes requests, and answers them when it is known what has become of what they brought. */
export class IntakeServer {
  readonly #means: IntakeServerMeans
  readonly #server: Server
  readonly #token: Buffer | undefined
  #isClosed = false

  constructor(means: IntakeServerMeans) {
    this.#means = means
    this.#token = means.token === undefined ? undefined : digestOf(means.token)
    this.#server = createServer(
      { requestTimeout: requestMsMax, headersTimeout: headersMsMax },
      (request, response) => {
        this.#answer(request, response).catch((error: unknown) => this.#broken(response, error))
      },
    )
    this.#server.maxConnections = connectionsMax
  }

  /** Errors: INTAKE_ADDRESS_UNFIT. */
  async listen(): Promise<void> {
    const { clock, address, log } = this.#means
    const giveUpMs = clock.monotonic() + listenMsMax
    for (;;) {
      const error = await this.#tryListen()
      if (this.#isClosed) {
        this.close()
        return
      }
      if (error === undefined) break
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || clock.monotonic() >= giveUpMs)
        throw unfit(this.#means, error)
      await new Promise<void>((resolve) => {
        clock.after(retryMs, resolve)
      })
    }
    const { port } = this.#server.address() as AddressInfo
    const host = address.host.includes(':') ? `[${address.host}]` : address.host
    log.info(`takes messages at http://${host}:${port}${address.path}`, { port })
  }

  /** No new connections; requests that are there are answered. */
  drain(): void {
    this.#server.close()
    this.#server.closeIdleConnections()
  }

  close(): void {
    this.#isClosed = true
    this.#server.close()
    // What was to be answered has been: the queue is closed before. The answers leave first.
    this.#means.clock.soon(() => this.#server.closeAllConnections())
  }

  #tryListen(): Promise<Error | undefined> {
    const { host, port } = this.#means.address
    const server = this.#server
    return new Promise((resolve) => {
      const failed = (error: Error): void => resolve(error)
      server.once('error', failed)
      server.listen({ host, port }, () => {
        server.off('error', failed)
        server.on('error', (error) => this.#means.log.warn(`its listener has failed: ${error.message}`))
        resolve(undefined)
      })
    })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { queue } = this.#means
    const gone = queue.arrive()
    try {
      const count = { messages: 0 }
      const outcome = await this.#take(request, count)
      if (outcome.type === 'taken') this.#write(response, 200, { messages: count.messages })
      else this.#refuse(request, response, refusalOf(outcome))
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error
      this.#refuse(request, response, error.refusal)
    } finally {
      gone()
    }
  }

  async #take(request: IncomingMessage, count: { messages: number }): Promise<Outcome> {
    const { queue, limits } = this.#means
    const refusal = this.#refusal(request)
    if (refusal !== undefined) throw new RequestRefused(refusal)
    const form = formOf(request)
    const body = await readBody(request, queue, limits)
    let messages: readonly unknown[]
    try {
      messages = messagesOf(body, form, limits)
    } catch (error) {
      queue.release(body.length)
      throw error
    }
    count.messages = messages.length
    return queue.add(messages, body.length)
  }

  /** What is wrong before the body is read. */
  #refusal(request: IncomingMessage): Refusal | undefined {
    const { address, limits, queue } = this.#means
    // Web pages say where they come from: none is to send into a network by a browser of somebody who can.
    if (request.headers.origin !== undefined)
      return { status: 403, message: 'Requests of web pages are not taken.' }
    if (!this.#isAllowed(request))
      return { status: 401, message: 'A token is missing, or is not the right one.' }
    if (new URL(request.url ?? '/', 'http://host').pathname !== address.path)
      return { status: 404, message: `Messages are taken at ${address.path}.` }
    if (request.method !== 'POST') return { status: 405, message: 'Messages are sent by POST.' }
    if (queue.isEnding) return refusalOf({ type: 'refused', why: 'ending' })
    const length = Number(request.headers['content-length'] ?? 0)
    if (length > limits.bodyBytesMax)
      return { status: 413, message: `The body is larger than ${limits.bodyBytesMax} bytes.` }
    return undefined
  }

  #isAllowed({ headers }: IncomingMessage): boolean {
    if (this.#token === undefined) return true
    const given = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
    return given !== undefined && timingSafeEqual(digestOf(given), this.#token)
  }

  #refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
    const { status, message, retryAfterS } = refusal
    if (retryAfterS !== undefined) response.setHeader('retry-after', retryAfterS)
    if (status === 405) response.setHeader('allow', 'POST')
    if (status === 401) response.setHeader('www-authenticate', 'Bearer')
    // What is left of the body is not read.
    if (!request.complete) response.setHeader('connection', 'close')
    this.#write(response, status, { error: message })
    if (!request.complete) request.resume()
  }

  #write(response: ServerResponse, status: number, body: object): void {
    if (response.headersSent || response.destroyed) return
    const text = `${JSON.stringify(body)}\n`
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    })
    response.end(text)
  }

  /** A body that did not come to its end, most often. */
  #broken(response: ServerResponse, error: unknown): void {
    this.#means.log.debug(`a request was given up: ${asError(error).message}`)
    response.destroy()
  }
}

function refusalOf(outcome: Exclude<Outcome, { readonly type: 'taken' }>): Refusal {
  if (outcome.type === 'unknown')
    return {
      status: 504,
      message: `Whether the messages are kept is not known: ${outcome.error.message}.`,
    }
  if (outcome.why === 'full') return fullRefusal
  const why =
    outcome.why === 'late'
      ? 'The network has not taken the messages in time: none of them is in it.'
      : 'The source is at its end here: none of the messages is in the network.'
  return { status: 503, message: why, retryAfterS: 1 }
}

function unfit({ component, address }: IntakeServerMeans, cause: Error): VertigoError {
  const { host, port } = address
  const { code = cause.message } = cause as NodeJS.ErrnoException
  return new VertigoError(
    'INTAKE_ADDRESS_UNFIT',
    `${component} cannot listen at ${host}:${port} (${code}).`,
    {
      cause,
      place: { component },
    },
  )
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
