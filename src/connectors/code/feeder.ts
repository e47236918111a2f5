import {
  type Kind,
  type PollResult,
  type Port,
  type SourceReader,
  builtInKind,
  defineSource,
  port,
} from '../../component/index.ts'
import { bridgeOf } from '../code-bridge.ts'
import { configObject } from '../../component/built-in-config.ts'
import { type FeederOptions, FeederQueue } from './feeder-queue.ts'

type FeederPorts<T> = { readonly out: Port<T> }

/** What `feeder` gives: the kind for the network and the end that code holds. */
export interface Feeder<T> {
  readonly kind: Kind<{}, FeederPorts<T>>
  /**
   * Settles when there is room: awaiting it keeps memory bounded; what it accepted is handled, also when the network is
   * drained then. Where the network is to lose nothing, it settles when the message is on the disk, from when the network has begun.
   * Rejects (`BRIDGE_CLOSED`) when the network ended.
   */
  send(message: T): Promise<void>
  /** No more messages: the source ends when all are taken. */
  end(): void
  /** Makes the source fail with this error, and with it the network. */
  fail(error: Error): void
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
 * Messages may be sent before the network runs. Several instances share the messages.
 */
export function feeder<T>(options: FeederOptions = {}): Feeder<T> {
  const queue = new FeederQueue<T>(options)
  return {
    kind: defineSource({
      description: 'Messages that code sends.',
      placement: 'main',
      outputs: { out: port<T>() },
      setup: (context) => readerOf(queue, context),
    }),
    send: (message) => queue.send(message),
    end: () => queue.end(),
    fail: (error) => queue.fail(error),
  }
}

function readerOf<T>(
  queue: FeederQueue<T>,
  { signal, isJournaled }: { readonly signal: AbortSignal; readonly isJournaled: boolean },
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
    poll: (max, { emit, kept }): PollResult | Promise<PollResult> => queue.take(max, emit.out, kept),
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
    setup: (context) => readerOf(bridgeOf(context).input(context.component), context),
  }),
)
