import type { Cancel, Clock } from '../base/clock.ts'
import { asError, isVertigoError, VertigoError } from '../base/errors.ts'
import { isRecord } from '../base/values.ts'
import { errorFromBody } from './error-body.ts'
import { fetchByNode, isDistrust } from './trust.ts'

export interface HttpOptions {
  /** Base address of a node's API. */
  readonly address: string
  readonly token?: string
  /** PEM text of the authority that issued the certificate of the API. Default: those that Node trusts. */
  readonly ca?: string
  /** Who asks, where there are no tokens. */
  readonly user?: string
  readonly clock: Clock
  /** How long an answer may take. Default 10,000 ms: twice what a node gives its store. */
  readonly timeoutMs?: number
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  /** In place of `body`. */
  readonly bytes?: Uint8Array | AsyncIterable<Uint8Array>
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** How long this answer may take. Default: that of all. While `bytes` are taken, it begins anew. */
  readonly timeoutMs?: number
}

const answerBytesMax = 256 * 1024 * 1024

/** The base address that a user wrote: `host:port` is enough. Errors: USAGE. */
export function apiAddress(text: string): string {
  const url = /^https?:\/\//i.test(text) ? text : `http://${text}`
  if (!URL.canParse(url) || /\s/.test(text))
    throw new VertigoError('USAGE', `"${text}" is no address of an HTTP API.`, {
      remedy: 'Write it as `http://host:port`.',
    })
  const { protocol, username, host, pathname } = new URL(url)
  if (username !== '')
    throw new VertigoError('USAGE', 'The address of the HTTP API holds a user; it takes tokens.', {
      remedy: 'Give a token by `--token env:NAME` or `--token file:path`.',
    })
  return `${protocol}//${host}${pathname.replace(/\/+$/, '')}`
}

/** One node's API over HTTP. What goes wrong is an error of ours, that of the node where it answered with one. */
export class Http {
  private readonly options: HttpOptions

  constructor(options: HttpOptions) {
    this.options = options
  }

  get clock(): Clock {
    return this.options.clock
  }

  async json(request: HttpRequest): Promise<unknown> {
    const { timeoutMs = this.options.timeoutMs } = request
    const deadline = new Deadline({ ...this.options, ...(timeoutMs && { timeoutMs }) }, request.signal)
    try {
      const response = await this.fetch(request, deadline.signal, () => deadline.renew())
      return await this.content(response)
    } catch (error) {
      throw deadline.explain(error)
    } finally {
      deadline.cancel()
    }
  }

  /** Only the beginning of the answer has to come in time. */
  async stream(request: HttpRequest): Promise<ReadableStream<Uint8Array>> {
    const deadline = new Deadline(this.options, request.signal)
    try {
      const response = await this.fetch(request, deadline.signal)
      if (!response.ok) await this.content(response)
      const type = response.headers.get('content-type') ?? ''
      if (!type.startsWith('text/event-stream') || response.body === null) {
        await response.body?.cancel()
        throw this.foreign(`the answer is of the type "${type}"`)
      }
      return response.body
    } catch (error) {
      throw deadline.explain(error)
    } finally {
      deadline.cancel()
    }
  }

  /** Bytes, as they come: each of them has to come in time. */
  async *bytes(request: HttpRequest): AsyncGenerator<Uint8Array, void, undefined> {
    const deadline = new Deadline(this.options, request.signal)
    try {
      const response = await this.fetch(request, deadline.signal)
      if (!response.ok) await this.content(response)
      if (response.body === null) return
      for await (const piece of response.body as ReadableStream<Uint8Array>) {
        // Whoever takes them may be slow.
        deadline.cancel()
        yield piece
        deadline.renew()
      }
    } catch (error) {
      const explained = deadline.explain(error)
      throw isVertigoError(explained) ? explained : unreachable(this.options.address, explained)
    } finally {
      deadline.cancel()
    }
  }

  private async fetch(request: HttpRequest, signal: AbortSignal, onSent?: () => void): Promise<Response> {
    const { address, token, user, ca } = this.options
    const { method, path, headers, bytes } = request
    const json = request.body === undefined ? undefined : JSON.stringify(request.body)
    const sent = {
      method,
      signal,
      headers: {
        accept: 'application/json',
        ...(json !== undefined && { 'content-type': 'application/json' }),
        ...(bytes !== undefined && { 'content-type': 'application/octet-stream' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(user !== undefined && { 'vertigo-user': user }),
        ...headers,
      },
    }
    try {
      const url = `${address}${path}`
      const body = bytes ?? json
      if (bytes !== undefined || (ca !== undefined && url.startsWith('https:')))
        return await fetchByNode(url, { ...sent, ...(body !== undefined && { body }), ca, onSent })
      return await fetch(url, { ...sent, ...(json !== undefined && { body: json }), redirect: 'error' })
    } catch (error) {
      signal.throwIfAborted()
      throw unreachable(address, error)
    }
  }

  private async content(response: Response): Promise<unknown> {
    const text = await readText(response)
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      throw this.foreign(`status ${response.status}, and no JSON`)
    }
    if (response.ok) return value
    const error = isRecord(value) ? errorFromBody(value['error']) : undefined
    throw error ?? this.foreign(`status ${response.status}, and no error as the API has them`)
  }

  private foreign(what: string): VertigoError {
    return new VertigoError(
      'API_ANSWER_INVALID',
      `What answers at ${this.options.address} is no node: ${what}.`,
    )
  }
}

/** Ends a request by its time or by its caller, and tells the one from the other. */
class Deadline {
  readonly signal: AbortSignal
  private readonly late = new AbortController()
  private readonly what: string
  private readonly begin: () => Cancel
  private cancelTimer: Cancel

  constructor({ address, clock, timeoutMs = 10_000 }: HttpOptions, signal: AbortSignal | undefined) {
    this.what = `The node at ${address} did not answer within ${timeoutMs / 1000} s.`
    this.begin = () => clock.after(timeoutMs, () => this.late.abort(), { background: true })
    this.cancelTimer = this.begin()
    this.signal = signal === undefined ? this.late.signal : AbortSignal.any([this.late.signal, signal])
  }

  renew(): void {
    this.cancelTimer()
    this.cancelTimer = this.begin()
  }

  cancel(): void {
    this.cancelTimer()
  }

  explain(error: unknown): Error {
    if (isVertigoError(error)) return error
    return this.late.signal.aborted ? new VertigoError('API_TIMEOUT', this.what) : asError(error)
  }
}

export function unreachable(address: string, error: unknown): VertigoError {
  const { cause } = asError(error)
  const { code, message } = (cause ?? error) as { readonly code?: unknown; readonly message?: unknown }
  const why = typeof code === 'string' ? code : typeof message === 'string' ? message : 'unknown error'
  if (isDistrust(code))
    return new VertigoError(
      'API_UNTRUSTED',
      `The certificate of the HTTP API at ${address} is not trusted (${code}).`,
      {
        cause: cause ?? error,
      },
    )
  return new VertigoError('API_UNREACHABLE', `No node answers at ${address} (${why}).`, {
    cause: cause ?? error,
  })
}

async function readText(response: Response): Promise<string> {
  if (response.body === null) return ''
  const decoder = new TextDecoder()
  const parts: string[] = []
  let bytes = 0
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    bytes += chunk.byteLength
    if (bytes > answerBytesMax)
      throw new VertigoError('API_ANSWER_INVALID', 'The answer of the HTTP API has no end.')
    parts.push(decoder.decode(chunk, { stream: true }))
  }
  return parts.join('') + decoder.decode()
}
