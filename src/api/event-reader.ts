import { pause } from '../base/clock.ts'
import { isVertigoError, VertigoError } from '../base/errors.ts'
import { heartbeatMs } from './event-stream.ts'
import { EventParser, type ServerEvent } from './event-parser.ts'
import { type Http, unreachable } from './http.ts'

export interface ReadEventsOptions {
  readonly path: string
  /** Of the last event that is known already. */
  readonly lastEventId?: string
  /** Ends the reading. */
  readonly signal: AbortSignal
  /** How long a node that has answered before may be away. Default 30,000 ms. */
  readonly awayMsMax?: number
}

const retryMs = 250
/** Without a word, heartbeats included, for so long a connection is dead. */
const silenceMsMax = 3 * heartbeatMs

/**
 * Reads a stream of events, on and on: a connection that breaks is made anew, by the id of the last event, so that none is
 * given twice and none is left out that the node still has.
 *
 * Errors: those of the first request; API_UNREACHABLE where the node was away for `awayMsMax`; whatever the node answers
 * when it is asked again (a network that is gone).
 */
export async function* readEvents(
  http: Http,
  options: ReadEventsOptions,
): AsyncGenerator<ServerEvent, void, undefined> {
  const { path, signal, awayMsMax = 30_000 } = options
  const { clock } = http
  let { lastEventId } = options
  let awaySinceMs: number | undefined
  let isFirst = true
  while (!signal.aborted) {
    try {
      const headers: Record<string, string> =
        lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
      const stream = await http.stream({ method: 'GET', path, headers, signal })
      isFirst = false
      awaySinceMs = undefined
      for await (const event of eventsOf(stream, http)) {
        lastEventId = event.id
        yield event
      }
    } catch (error) {
      if (signal.aborted) return
      if (isFirst || (isVertigoError(error) && !isPassing(error))) throw error
      awaySinceMs ??= clock.monotonic()
      if (clock.monotonic() - awaySinceMs > awayMsMax)
        throw isVertigoError(error) ? error : unreachable(path, error)
    }
    await pause(clock, retryMs, signal)
  }
}

function isPassing({ code, retryable }: VertigoError): boolean {
  return retryable || code === 'API_TIMEOUT'
}

/** Those of one connection. Errors: API_TIMEOUT where it falls silent, those of the connection. */
export async function* eventsOf(
  stream: ReadableStream<Uint8Array>,
  { clock }: Http,
): AsyncGenerator<ServerEvent> {
  const parser = new EventParser()
  const decoder = new TextDecoder()
  const reader = stream.getReader()
  try {
    for (;;) {
      let cancel = (): void => undefined
      const silence = new Promise<never>((_, reject) => {
        const dead = (): void => reject(new VertigoError('API_TIMEOUT', 'The stream of events fell silent.'))
        cancel = clock.after(silenceMsMax, dead, { background: true })
      })
      const { done, value } = await Promise.race([reader.read(), silence]).finally(() => cancel())
      if (done) return
      yield* parser.push(decoder.decode(value, { stream: true }))
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
