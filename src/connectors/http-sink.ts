import * as v from 'valibot'
import { asError, VertigoError } from '../base/errors.ts'
import { configObject, oneOf, text, wholeNumber } from '../component/built-in-config.ts'
import { builtInKind, defineComponent, port, type Sink, type SinkSnapshot } from '../component/index.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { jsonText } from './json-text.ts'
import { Staging } from './staging.ts'

const config = configObject({
  /** Where requests go: `http:` or `https:`. */
  url: v.pipe(text(), v.url('must be a URL'), v.regex(/^https?:/, 'must begin with http: or https:')),
  /** Default POST. */
  method: v.optional(oneOf('POST', 'PUT', 'PATCH'), 'POST'),
  /** Further headers, such as `authorization`; values may be secrets. */
  headers: v.optional(v.record(v.string(), v.string('must be a text')), {}),
  /** Messages in a request, at most: with 1, a request has the message; with more, an array of them. Default 1. */
  batch: v.optional(wholeNumber(1, 10_000), 1),
  /** How long an answer may take, in milliseconds. Default 30,000. */
  timeoutMs: v.optional(wholeNumber(1, 600_000), 30_000),
})

type Config = v.InferOutput<typeof config>

/** Without snapshots, how often a request is repeated. */
const repeatsMax = 5
const repeatMsMin = 100

/**
 * Sink `http-sink`: sends each message as JSON to a server. Answers from 200 to 299 are taken for done; where the server cannot be reached,
 * or answers 408, 425, 429 or 500 and above, the request is repeated; any other answer is an error.
 *
 * Each request has a header `idempotency-key` that is the same whenever it is repeated, after any failure: a server that takes each key once gets
 * each message once. Where snapshots are taken, requests are sent when their snapshot is committed, in their order, with the key
 * `<cluster>/<network>/<component>/<instance>/<incarnation>/<snapshot>/<number>`. Without snapshots they are sent as messages come, and what
 * a failure takes back and brings again has another key.
 *
 * Errors: `SINK_REFUSED`, `SINK_UNREACHABLE`, `MESSAGE_UNFIT`.
 */
export const httpSink = builtInKind(
  'http-sink',
  defineComponent({
    description:
      'Sends messages to a server by HTTP, each request with a key by which the server knows repetitions.',
    inputs: { in: port() },
    config,
    setup(context) {
      const { clock, component, config, publishes, signal, writer } = context
      const sender = new Sender(config, component, { clock, signal })
      if (publishes === 'at-once') {
        const begun = clock.now()
        let number = 0
        return {
          on: {
            in: (message: unknown) => {
              const key = `${writer}/at-${begun}/${++number}`
              const json = body(message, component)
              return sender.insist(config.batch === 1 ? json : `[${json}]`, key)
            },
          },
        }
      }
      const staging = new Staging<string>()
      const sink: Sink<readonly string[]> = {
        prepare() {
          const bodies = staging.take()
          return bodies.length === 0 ? undefined : bodies
        },
        isFull: () => staging.isFull,
        // What was sent before a failure is sent again, with the same keys.
        commit: ({ writer, snapshot, staged }) => sender.sendAll(staged, keyOf(writer, snapshot)),
        recover: () => undefined,
      }
      const add = (message: unknown): void => {
        const json = body(message, component)
        staging.add(json, json.length)
      }
      return { on: { in: add }, sink }
    },
  }),
)

function keyOf(writer: string, { incarnation, id }: SinkSnapshot): string {
  return `${writer}/${incarnation}/${id}`
}

function body(message: unknown, component: string): string {
  try {
    return jsonText(message)
  } catch (error) {
    const what = 'it cannot be written as JSON (does it contain itself?)'
    throw new VertigoError('MESSAGE_UNFIT', `${component}: a message does not fit a request: ${what}`, {
      cause: error,
      place: { component, port: 'in' },
    })
  }
}

class Sender {
  readonly #config: Config
  readonly #component: string
  readonly #clock: Clock
  readonly #signal: AbortSignal

  constructor(
    config: Config,
    component: string,
    { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  ) {
    this.#config = config
    this.#component = component
    this.#clock = clock
    this.#signal = signal
  }

  async sendAll(bodies: readonly string[], key: string): Promise<void> {
    const { batch } = this.#config
    for (let at = 0, number = 0; at < bodies.length; at += batch, number++) {
      const some = bodies.slice(at, at + batch)
      await this.send(batch === 1 ? some[0]! : `[${some.join(',')}]`, `${key}/${number}`)
    }
  }

  /** Repeats it while that may help. */
  async insist(text: string, key: string): Promise<void> {
    for (let repeats = 0; ; repeats++) {
      try {
        await this.send(text, key)
        return
      } catch (error) {
        if (!(error instanceof VertigoError) || !error.retryable || repeats === repeatsMax) throw error
      }
      await sleep(this.#clock, repeatMsMin * 2 ** repeats, this.#signal)
    }
  }

  /** Errors: SINK_REFUSED, SINK_UNREACHABLE. */
  async send(text: string, key: string): Promise<void> {
    const { url, method, headers, timeoutMs } = this.#config
    let response: Response
    const late = new AbortController()
    const cancel = this.#clock.after(timeoutMs, () =>
      late.abort(new Error(`no answer within ${timeoutMs} ms`)),
    )
    try {
      response = await fetch(url, {
        method,
        body: text,
        headers: { 'content-type': 'application/json', ...headers, 'idempotency-key': key },
        signal: AbortSignal.any([late.signal, this.#signal]),
      })
      // Read to its end, so that the connection can be used again.
      await response.arrayBuffer()
    } catch (error) {
      const why = asError(asError(error).cause ?? error).message
      throw this.#error('SINK_UNREACHABLE', `did not answer: ${why}`, error)
    } finally {
      cancel()
    }
    const { ok, status } = response
    if (ok) return
    if (status >= 500 || [408, 425, 429].includes(status))
      throw this.#error('SINK_UNREACHABLE', `answers ${status}`)
    throw this.#error('SINK_REFUSED', `answers ${status} to a ${method}`)
  }

  #error(code: 'SINK_REFUSED' | 'SINK_UNREACHABLE', what: string, cause?: unknown): VertigoError {
    const { url } = this.#config
    const component = this.#component
    return new VertigoError(code, `${component}: ${new URL(url).origin} ${what}.`, {
      cause,
      place: { component },
    })
  }
}
