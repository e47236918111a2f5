import {
  type Kind,
  type PollContext,
  type PollResult,
  type Port,
  type SourceReader,
  type TrackedOptions,
  type TrackHandlers,
  type TrackOptions,
  builtInKind,
  defineSource,
  port,
} from '../../component/index.ts'
import type { Clock } from '../../base/clock.ts'
import { bridgeOf } from '../code-bridge.ts'
import { configObject } from '../../component/built-in-config.ts'
import { Asked, OpenRequests, type RequestOptions } from './asked.ts'
import { type FeederOptions, FeederQueue } from './feeder-queue.ts'

type FeederPorts<T> = { readonly out: Port<T> }

export interface TrackingFeederOptions extends FeederOptions {
  /** Tracks every message: how, and what is called when one is handled, has failed, or was too slow. */
  readonly track: TrackOptions & TrackHandlers
}

/** What `feeder` gives: the kind for the network and the end that code holds. */
export interface Feeder<T> {
  readonly kind: Kind<{}, FeederPorts<T>>
  /**
   * Settles when there is room: awaiting it keeps memory bounded; what it accepted is handled, also when the network is
   * drained then. Where the network is to lose nothing, it settles when the message is on the disk, from when the network has begun.
   * Rejects (`BRIDGE_CLOSED`) when the network ended.
   */
  send(message: T): Promise<void>
  /**
   * Sends a message, and gives what a component has answered to it, or to what was derived from it (`context.answer`): when all that came
   * of it has been handled; undefined where none has answered. Errors: REQUEST_FAILED, with the component and its message, where a handler
   * has failed or rejected; REQUEST_TIMED_OUT; BRIDGE_CLOSED when the network ended.
   */
  request(message: T, options?: RequestOptions): Promise<unknown>
  /** No more messages: the source ends when all are taken. */
  end(): void
  /** Makes the source fail with this error, and with it the network. */
  fail(error: Error): void
}

/** A feeder that tracks what it is given. */
export interface TrackingFeeder<T> extends Omit<Feeder<T>, 'send' | 'request'> {
  /** As `send` of other feeders. `options.id` comes back with what is told of the message. */
  send(message: T, options?: TrackedOptions): Promise<void>
}

/**
 * Makes a source that is fed by code of the same thread, for one run:
 *
 * ```ts
 * const input = feeder<string>()
 * net.add('in', input.kind)
 * await input.send('a line')
 * input.end()
 * ```
 *
 * `await input.request('a line')` gives what a component has answered to it (`context.answer`).
 *
 * Messages may be sent before the network runs. Several instances share the messages.
 *
 * With `track`, the code hears what became of each message and all that was derived from it:
 *
 * ```ts
 * const input = feeder<string>({ track: { ack: (id) => console.log(id, 'is done') } })
 * await input.send('a line', { id: 1 })
 * ```
 */
export function feeder<T>(options: TrackingFeederOptions): TrackingFeeder<T>
export function feeder<T>(options?: FeederOptions): Feeder<T>
export function feeder<T>(
  options: FeederOptions & Partial<TrackingFeederOptions> = {},
): Feeder<T> | TrackingFeeder<T> {
  const { track } = options
  return track === undefined ? plainFeeder(options) : trackingFeeder(options, track)
}

function plainFeeder<T>(options: FeederOptions): Feeder<T> {
  const queue = new FeederQueue<T>(options)
  return {
    kind: feederOf((context) => askedReaderOf(queue, context)),
    send: (message) => queue.send(message),
    request: (message, own) => queue.request(message, own),
    end: () => queue.end(),
    fail: (error) => queue.fail(error),
  }
}

interface Fed<T> {
  readonly message: T
  readonly options: TrackedOptions | undefined
}

function trackingFeeder<T>(options: FeederOptions, track: TrackOptions & TrackHandlers): TrackingFeeder<T> {
  const queue = new FeederQueue<Fed<T>>(options)
  const reader = (context: FeederContext): SourceReader<FeederPorts<T>> => ({
    ...readerOf<T, Fed<T>>(
      queue,
      context,
      ({ emit }) =>
        ({ message, options: own }) =>
          emit.out.tracked(message, own),
    ),
    ack: (id, message) => track.ack?.(id, message),
    fail: (id, failure, message) => track.fail?.(id, failure, message),
    timeout: (id, message) => track.timeout?.(id, message),
    answer: (id, answer) => track.answer?.(id, answer),
  })
  const { replay, timeoutMs, openMessagesMax } = track
  const how = {
    ...(replay !== undefined && { replay }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(openMessagesMax !== undefined && { openMessagesMax }),
  }
  return {
    kind: feederOf(reader, how),
    send: (message, own) => queue.send({ message, options: own }),
    end: () => queue.end(),
    fail: (error) => queue.fail(error),
  }
}

function feederOf<T>(
  reader: (context: FeederContext) => SourceReader<FeederPorts<T>>,
  track?: TrackOptions,
): Feeder<T>['kind'] {
  return defineSource({
    description: 'Messages that code sends.',
    placement: 'main',
    outputs: { out: port<T>() },
    ...(track !== undefined && { track }),
    setup: (context) => reader(context),
  })
}

interface FeederContext {
  readonly signal: AbortSignal
  readonly isJournaled: boolean
  readonly component: string
  readonly clock: Clock
}

/** Messages, and requests among them. */
function askedReaderOf<T>(queue: FeederQueue<T>, context: FeederContext): SourceReader<FeederPorts<T>> {
  const { clock, component, isJournaled, signal } = context
  const requests = new OpenRequests({ clock, place: component, isJournaled })
  const reader = readerOf<T, T>(queue, context, ({ emit }) => (message) => {
    if (!(message instanceof Asked)) emit.out(message)
    else requests.send(message, (asked, options) => emit.out.tracked(asked as T, options))
  })
  const { ack, answer, fail, timeout } = requests
  return {
    ...reader,
    ack,
    answer,
    fail,
    timeout,
    close: () => {
      requests.close(signal.reason instanceof Error ? signal.reason : undefined)
      return reader.close?.()
    },
  }
}

function readerOf<T, M>(
  queue: FeederQueue<M>,
  { signal, isJournaled }: FeederContext,
  out: (context: PollContext<FeederPorts<T>>) => (message: M) => void,
): SourceReader<FeederPorts<T>> {
  queue.attach(isJournaled)
  let isAttached = true
  const close = (): void => {
    if (!isAttached) return
    isAttached = false
    queue.detach(signal.aborted && signal.reason instanceof Error ? signal.reason : undefined)
  }
  signal.addEventListener('abort', close, { once: true })
  return {
    poll: (max, context): PollResult | Promise<PollResult> => queue.take(max, out(context), context.kept),
    drain: () => queue.drain(),
    close,
  }
}

/** Source `feeder` of networks in files: messages that the code sends that runs the network. */
export const feederKind = builtInKind(
  'feeder',
  defineSource({
    description: 'Messages that are sent by the code that runs the network.',
    placement: 'main',
    outputs: { out: port() },
    config: configObject({}),
    setup: (context) => askedReaderOf(bridgeOf(context).input(context.component), context),
  }),
)
