import { Client, type ClientDuplexStream, connectivityState, type Metadata, status } from '@grpc/grpc-js'
import { isIPv4 } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import type { Credentials } from './credentials.ts'
import { OwnSockets } from './own-sockets.ts'
import type { Method } from './protocol.ts'
import { UnaryCall } from './unary-call.ts'

/**
 * No keep-alive of gRPC: etcd ends connections that ping more often than every 5 s, and a silent member is found faster
 * by what it leaves unanswered. No proxy from the environment: what is in the cluster is not behind one.
 */
const channelOptions = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 500,
  'grpc.dns_min_time_between_resolutions_ms': 1_000,
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
} as const

/** Only connections that said nothing for so long are given up: an election can keep a member from answering. */
const silenceMsMax = 1_500

interface Cancellable {
  cancel(): void
}

/** One address of a member, with a connection that is made when it is needed and again when it hangs. */
export class Endpoint {
  readonly address: string
  /** When a call was last answered with a result. */
  succeededAtMs = -Infinity
  private readonly clock: Clock
  private readonly credentials: Credentials
  private readonly calls = new Set<Cancellable>()
  private readonly sockets = new OwnSockets()
  private client: Client | undefined
  /** When the oldest call was sent since the last answer of any kind. */
  private silentSinceMs: number | undefined
  private bytesSeen = 0

  constructor(address: string, credentials: Credentials, clock: Clock) {
    this.address = address
    this.credentials = credentials
    this.clock = clock
  }

  /** Whether there is a connection. */
  get isReady(): boolean {
    return this.client?.getChannel().getConnectivityState(false) === connectivityState.READY
  }

  /** Of all its connections. */
  get bytesRead(): number {
    return this.sockets.bytesRead
  }

  /** `ended` hears the end of the call, with the monotonic time. */
  unary<Q, R>(
    method: Method<Q, R>,
    request: Q,
    metadata: Metadata,
    nowMs: number,
    ended: (code: number, details: string, response: R | undefined, nowMs: number) => void,
  ): UnaryCall<Q, R> {
    this.silentSinceMs ??= nowMs
    const channel = this.connect().getChannel()
    const call: UnaryCall<Q, R> = new UnaryCall(channel, method, (code, details, response) => {
      const endedMs = this.clock.monotonic()
      // One that was cancelled says nothing of the member.
      if (this.calls.delete(call)) this.answered()
      if ((code as status) === status.OK) this.succeededAtMs = endedMs
      ended(code, details, response, endedMs)
    })
    this.sockets.run(() => call.send(request, metadata))
    this.calls.add(call)
    return call
  }

  cancel(call: Cancellable): void {
    this.calls.delete(call)
    call.cancel()
  }

  /** The caller listens to `error`, and ends what it no longer needs. */
  stream<Q, R>({ path, serialize, deserialize }: Method<Q, R>, metadata: Metadata): ClientDuplexStream<Q, R> {
    const client = this.connect()
    const stream = this.sockets.run(() =>
      client.makeBidiStreamRequest(path, serialize, deserialize, metadata),
    )
    this.calls.add(stream)
    stream.once('status', () => this.calls.delete(stream))
    return stream
  }

  /** The member said something. */
  answered(): void {
    this.silentSinceMs = undefined
  }

  /** A call was not answered in time: after a while of silence, what comes next gets a new connection. */
  unanswered(): void {
    if (this.silentSinceMs === undefined) return
    const { bytesRead } = this
    // Behind a slow line, a large answer to somebody else may be on its way.
    if (bytesRead !== this.bytesSeen) this.silentSinceMs = this.clock.monotonic()
    else if (this.clock.monotonic() - this.silentSinceMs >= silenceMsMax) this.drop()
    this.bytesSeen = bytesRead
  }

  /** Ends the connection and all calls on it. */
  drop(): void {
    const { client } = this
    this.client = undefined
    this.silentSinceMs = undefined
    for (const call of this.calls) call.cancel()
    client?.close()
    this.sockets.destroyAll()
  }

  private connect(): Client {
    this.client ??= new Client(targetOf(this.address), this.credentials.channel, {
      ...channelOptions,
      ...this.credentials.options,
    })
    return this.client
  }
}

function targetOf(address: string): string {
  if (address.startsWith('[')) return `ipv6:${address}`
  return isIPv4(address.slice(0, address.lastIndexOf(':'))) ? `ipv4:${address}` : `dns:${address}`
}
