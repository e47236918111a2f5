import type { Clock } from '../base/clock.ts'
import type { BundleStore } from '../cluster/bundle/index.ts'
import type {
  ClusterObserver,
  CountsReader,
  EventReader,
  LogReader,
  Management,
  Operation,
  PortAccess,
  StateAccess,
  SnapshotFiles,
} from '../cluster/client/index.ts'
import type { Caller, Role } from './access.ts'
import type { EventStream } from './event-stream.ts'

/** What the API says of the node that answers. */
export interface NodeIdentity {
  readonly id: string
  readonly cluster: string
  /** Of the package. */
  readonly version: string
}

/** What the API stands on; a node gives it. */
export interface ApiMeans {
  readonly node: NodeIdentity
  readonly management: Management
  readonly operation: Operation
  readonly bundles: BundleStore
  /** The files behind `management.snapshots`. */
  readonly snapshots: SnapshotFiles
  readonly observer: ClusterObserver
  readonly events: EventReader
  readonly logs: LogReader
  readonly counts: CountsReader
  /** Exported ports of networks. */
  readonly ports: PortAccess
  /** State of networks, by their snapshots. */
  readonly states: StateAccess
  readonly clock: Clock
  /** Something went wrong that whoever asked is not told in full. */
  readonly troubled: (error: Error, request: string) => void
}

/** JSON Schema, as the validator and the OpenAPI document take it. */
export type JsonSchema = Readonly<Record<string, unknown>>

export interface ApiCall {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string | undefined>>
  /** As the route's schema says. */
  readonly body: unknown
  readonly caller: Caller
  /** Of a stream that is taken up again: `Last-Event-ID`. */
  readonly lastEventId: string | undefined
  /** Aborted where whoever asked has gone before the answer. */
  readonly signal: AbortSignal
}

interface RouteFacts {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With `:name` for parameters. */
  readonly path: string
  readonly id: string
  readonly summary: string
  /** Whose tokens may; undefined: asked by anybody, without a token. */
  readonly role: Role | undefined
  readonly query?: JsonSchema
  readonly body?: JsonSchema
  readonly answer: JsonSchema
  /** Default 64 KiB. */
  readonly bodyBytesMax?: number
  /**
   * Takes bytes, `application/octet-stream`, in place of JSON. `stream`: the body is an iterable of them, of any length, and the handler
   * has to take it. Default: none.
   */
  readonly takesBytes?: true | 'stream'
}

export interface AnswerRoute extends RouteFacts {
  readonly handle: (call: ApiCall, means: ApiMeans) => Promise<unknown>
}

/** Answers with server-sent events until the reader or the node goes. */
export interface StreamRoute extends RouteFacts {
  /** It may be asked for as lines of JSON as well. */
  readonly lines?: true
  /** What rejects before the stream was begun is answered as an error. */
  readonly open: (call: ApiCall, means: ApiMeans) => Promise<(stream: EventStream) => Promise<void>>
}

/** Answers with bytes, `application/octet-stream`. */
export interface BytesRoute extends RouteFacts {
  /** What rejects before the first of them is answered as an error; after that, the answer breaks off. */
  readonly bytes: (call: ApiCall, means: ApiMeans) => AsyncIterable<Uint8Array>
}

export type ApiRoute = AnswerRoute | StreamRoute | BytesRoute
