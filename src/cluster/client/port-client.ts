import { VertigoError } from '../../base/errors.ts'

/** What programs send into exported ports of networks that run in a cluster, and read from them. */
export interface PortClient {
  /**
   * Sends a batch: of 1000 messages and 1 MiB of JSON at most. Fulfilled when the network has taken it: the instance
   * behind the port has sent all of it into the network. It waits for that while the network holds, or has no room.
   *
   * A batch is taken whole or not at all. Messages that were taken are handled at most once: what fails with an instance or
   * its node is lost.
   *
   * Errors that mean that nothing was taken: NETWORK_UNKNOWN, PORT_UNKNOWN, PORT_CLOSED, PORT_BUSY, MESSAGE_INVALID (of the
   * port's schema), CLIENT_MESSAGE_INVALID, CLIENT_MESSAGE_TOO_LARGE, SEND_TIMED_OUT. SEND_OUTCOME_UNKNOWN means that it may
   * have been taken: the node that hosts the port was lost meanwhile.
   */
  send(network: string, port: string, messages: readonly unknown[], options?: SendOptions): Promise<void>
  /**
   * What an exported output gives, from the moment of `reading` on, until the network is at its end. Each reader gets all
   * messages. Where the port moves to another node, reading goes on there; messages between may be missing.
   *
   * Of a network that is exactly-once it is what is committed: up to an interval of its snapshots later, each message once and in its
   * order, whatever fails. Where something may be missing all the same, `reading` comes again and says so.
   *
   * Readers are waited for: while one has no room, the network waits. One that takes nothing for 5 s then is ended.
   * Errors: NETWORK_UNKNOWN, PORT_UNKNOWN, PORT_CLOSED, PORT_BUSY, READER_TOO_SLOW, CLIENT_MESSAGE_TOO_LARGE; READER_CUT_OFF, where the
   * network ended before the reader had all that was committed.
   */
  read(network: string, port: string, options?: ReadPortOptions): AsyncIterable<PortNews>
  /**
   * Sends a message, and gives the answer that a component has given to it, or to what was derived from it (`context.answer`): when all that
   * came of it has been handled; undefined where none has answered. Where the network takes snapshots, it comes with the commit.
   *
   * A request survives its instances and nodes, unless the network is at-most-once. Errors: those of `send`, which mean that nothing was
   * taken; REQUEST_FAILED, with the component and its message, where a handler has failed or rejected; REQUEST_TIMED_OUT;
   * REQUEST_LOST, REQUEST_ANSWER_LOST, REQUEST_ANSWER_UNFIT; SEND_OUTCOME_UNKNOWN, where nobody could say in time.
   */
  request(network: string, request: PortRequest): Promise<unknown>
}

/** As a node gives it. */
export interface PortAccess extends PortClient {
  /** Errors: NETWORK_UNKNOWN, PORT_UNKNOWN, PORT_CLOSED. */
  check(network: string, side: 'input' | 'output', port: string, signal?: AbortSignal): Promise<void>
}

export interface SendOptions {
  /** How long it may wait to be taken, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined
  /** Gives up. What was sent may be taken. */
  readonly signal?: AbortSignal | undefined
}

export interface ReadPortOptions {
  /** What comes, at once, also where the network is exactly-once: after a failure, some of it may never have been, or comes again. */
  readonly uncommitted?: boolean | undefined
  /**
   * Goes on behind this position, the `at` of an earlier `reading` or message; see `PortNews`. Default: from now on. For networks that are
   * exactly-once.
   */
  readonly after?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * `reading`: what comes from now on is read. It comes again where the port has moved: messages before it may be missing.
 * `messages`: each as JSON.
 *
 * `at`: of what is committed. In `reading` the position behind which all comes, in `messages` that of the first, whose followers
 * have the next ones (`advanced`). `missed`: something between the position that was asked for and what comes now is gone.
 */
export type PortNews =
  | { readonly type: 'reading'; readonly at?: string | undefined; readonly missed?: boolean | undefined }
  | { readonly type: 'messages'; readonly texts: readonly string[]; readonly at?: string | undefined }

export interface PortRequest extends SendOptions {
  /** An exported input. */
  readonly port: string
  readonly message: unknown
  /**
   * By which the request is known again, of 256 characters at most: who asks again with it, within a minute, gets the answer that there is
   * already, and the message is not handled again. Default: one of its own for each call.
   */
  readonly id?: string | undefined
  /** It may have been asked before with this id: where the network keeps no requests, it is refused by REQUEST_LOST, not sent anew. */
  readonly again?: boolean | undefined
  /** The answer at once, also where the network is exactly-once: after a failure, it may never have been. */
  readonly uncommitted?: boolean | undefined
}

/** What ends a reader of what is committed whose stream broke, where the network is at its end when it comes back. */
export function endUntold(network: string, cause: unknown): VertigoError {
  const message = `The network "${network}" came to its end while a reader was away: whether it has got all that was committed is not known.`
  return new VertigoError('READER_CUT_OFF', message, { cause })
}

export const sendTimeoutMsDefault = 10_000
export const sendTimeoutMsMax = 60_000

/** One network that runs in a cluster, for programs that send into it and read from it. */
export interface RunningNetwork {
  /** Sends one message. See `sendBatch`. */
  send(port: string, message: unknown, options?: SendOptions): Promise<void>
  /**
   * Sends up to 1000 messages, of 1 MiB of JSON together, at once: much faster than one by one. Fulfilled when the
   * network has taken them: the instance behind the port has sent all of them into the network. It waits for that while
   * the network holds, or has no room, for 10 s by default.
   *
   * A batch is taken whole or not at all. Messages that were taken are handled at most once: what is in an instance is lost
   * with it.
   *
   * Errors that mean that nothing was taken: NETWORK_UNKNOWN, PORT_UNKNOWN, PORT_CLOSED, PORT_BUSY, MESSAGE_INVALID (of the
   * port's schema), CLIENT_MESSAGE_INVALID, CLIENT_MESSAGE_TOO_LARGE, SEND_TIMED_OUT. SEND_OUTCOME_UNKNOWN means that they
   * may have been taken: the node that hosts the port was lost meanwhile.
   */
  sendBatch(port: string, messages: readonly unknown[], options?: SendOptions): Promise<void>
  /**
   * The messages of an exported output, as they come, until the network is at its end. Each reader gets all messages. Where
   * the port moves to another node, reading goes on there, and `onReading` is called again; messages between may be missing.
   *
   * Of a network that is exactly-once it is what is committed, each message once and in its order: reading goes on behind what was
   * read, and `onReading` is called again only where something may be missing. With `uncommitted` messages come at once.
   *
   * The network goes no faster than its readers, but a reader that takes nothing for 5 s is ended by READER_TOO_SLOW.
   * Errors: NETWORK_UNKNOWN, PORT_UNKNOWN, PORT_CLOSED, PORT_BUSY, READER_TOO_SLOW, CLIENT_MESSAGE_TOO_LARGE; READER_CUT_OFF, where the
   * network ended before the reader had all that was committed.
   */
  read(port: string, options?: ReadOptions): AsyncIterableIterator<unknown>
  /**
   * Sends a message, and gives the answer that a component has given to it, or to what was derived from it (`context.answer`): when all that
   * came of it has been handled; undefined where none has answered. Where the network takes snapshots, it comes with the commit.
   *
   * `timeoutMs` (default 10,000) is for all of it. A request survives its instances and nodes, unless the network is at-most-once. Errors:
   * those of `sendBatch`, which mean that nothing was taken; REQUEST_FAILED, with the component and its message, where a handler
   * has failed or rejected; REQUEST_TIMED_OUT; REQUEST_LOST, REQUEST_ANSWER_LOST, REQUEST_ANSWER_UNFIT; SEND_OUTCOME_UNKNOWN, where nobody could say in time.
   */
  request(request: PortRequest): Promise<unknown>
}

export interface ReadOptions extends ReadPortOptions {
  /** What comes from now on is read; called again where the port has moved. */
  readonly onReading?: () => void
}

export function runningNetwork(client: PortClient, network: string): RunningNetwork {
  return {
    send: (port, message, options) => client.send(network, port, [message], options),
    sendBatch: (port, messages, options) => client.send(network, port, messages, options),
    read: (port, options = {}) => messagesOf(client.read(network, port, options), options),
    request: (request) => client.request(network, request),
  }
}

async function* messagesOf(
  news: AsyncIterable<PortNews>,
  { onReading }: ReadOptions,
): AsyncGenerator<unknown, void, undefined> {
  for await (const one of news) {
    if (one.type === 'reading') onReading?.()
    else for (const text of one.texts) yield JSON.parse(text) as unknown
  }
}
