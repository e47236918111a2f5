import type { ServerResponse } from 'node:http'
import type { Cancel, Clock } from '../base/clock.ts'

/** A line that says nothing keeps proxies from ending a quiet connection, and lets a reader notice one that is dead. */
export const heartbeatMs = 10_000
/** A reader that takes nothing for so long is let go; it comes back by the id of the last event it got. */
export const slowReaderMsMax = 30_000

/** Lines: `application/x-ndjson`. */
export type StreamFormat = 'events' | 'lines'

/**
 * Server-sent events (WHATWG HTML, "Server-sent events") to one reader.
 *
 * - ES-1 At most one event waits beside what the socket holds: `send` is awaited before the next, so a slow reader costs
 *   memory for one event, and its source is read no faster.
 * - ES-3 As lines (`application/x-ndjson`) it has the data of messages and nothing else; what ends it early breaks it off.
 * - ES-2 It ends when the reader goes, when it takes nothing for `slowReaderMsMax`, and when the node closes.
 */
export class EventStream {
  /** Aborted when it has ended, for whatever reason. */
  readonly signal: AbortSignal
  private readonly response: ServerResponse
  private readonly format: StreamFormat
  private readonly clock: Clock
  private readonly ending = new AbortController()
  private readonly cancelHeartbeat: Cancel

  constructor(response: ServerResponse, clock: Clock, format: StreamFormat = 'events') {
    this.response = response
    this.format = format
    this.clock = clock
    this.signal = this.ending.signal
    response.writeHead(200, {
      'content-type':
        format === 'events' ? 'text/event-stream; charset=utf-8' : 'application/x-ndjson; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    if (format === 'events') response.write('retry: 1000\n\n')
    else response.flushHeaders()
    const end = (): void => this.close()
    response.on('close', end)
    response.on('error', end)
    this.cancelHeartbeat = clock.every(heartbeatMs, () => this.beat(), { background: true })
  }

  /** Fulfilled when the reader can take the next one, or the stream has ended. */
  async send(event: { readonly id: string; readonly type: string; readonly data: unknown }): Promise<void> {
    if (this.format === 'events')
      await this.write(eventText(event.id, event.type, JSON.stringify(event.data)))
  }

  /** Messages, each as JSON, with their ids. */
  async sendMessages(texts: readonly string[], ids: readonly string[]): Promise<void> {
    const parts = texts.map((text, at) =>
      this.format === 'events' ? eventText(ids[at]!, 'message', text) : `${text}\n`,
    )
    await this.write(parts.join(''))
  }

  /** Ends it so that whoever reads lines notices that there would be more. */
  breakOff(): void {
    if (this.format === 'lines') this.response.destroy()
    this.close()
  }

  private async write(text: string): Promise<void> {
    if (this.signal.aborted || this.response.write(text)) return
    await this.drained()
  }

  close(): void {
    if (this.signal.aborted) return
    this.cancelHeartbeat()
    this.ending.abort()
    this.response.end()
  }

  private beat(): void {
    if (!this.response.writableNeedDrain) this.response.write(this.format === 'events' ? ':\n\n' : '\n')
  }

  private drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel()
        this.response.off('drain', done)
        this.signal.removeEventListener('abort', done)
        resolve()
      }
      const tooSlow = (): void => {
        // What waits for it will never be taken: ending would wait for it.
        this.response.destroy()
        this.close()
      }
      const cancel = this.clock.after(slowReaderMsMax, tooSlow, { background: true })
      this.response.on('drain', done)
      this.signal.addEventListener('abort', done)
      if (this.signal.aborted) done()
    })
  }
}

/** `data` is JSON, which has no line ends. */
function eventText(id: string, type: string, data: string): string {
  return `id: ${id}\nevent: ${type}\ndata: ${data}\n\n`
}
