import { fromJSON, type Long } from '@grpc/proto-loader'
import { assert } from '../../base/assert.ts'

/**
 * The part of etcd's published v3 API (`etcdserverpb`, `mvccpb`) that the store uses: numbers and types of fields are
 * those of the API, names are ours in camel case. Fields that are left out are skipped by whoever reads a message.
 *
 * Numbers of 64 bits come as `Long`: revisions fit a double, leases do not.
 */

export interface Header {
  readonly revision?: Long
}

export interface KeyValue {
  readonly key?: Buffer
  readonly value?: Buffer
  readonly createRevision?: Long
  readonly modRevision?: Long
  readonly version?: Long
  readonly lease?: Long
}

export interface RangeRequest {
  readonly key: Uint8Array
  readonly rangeEnd?: Uint8Array
  readonly limit?: number
  readonly revision?: number
  readonly countOnly?: boolean
  readonly keysOnly?: boolean
}

export interface RangeResponse {
  readonly header?: Header
  readonly kvs?: readonly KeyValue[]
  readonly more?: boolean
  readonly count?: Long
}

export interface PutRequest {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly lease?: Long
}

export interface DeleteRangeRequest {
  readonly key: Uint8Array
  readonly rangeEnd?: Uint8Array
}

export interface RequestOp {
  readonly requestRange?: RangeRequest
  readonly requestPut?: PutRequest
  readonly requestDeleteRange?: DeleteRangeRequest
  readonly requestTxn?: TxnRequest
}

export interface ResponseOp {
  readonly responseRange?: RangeResponse
  readonly responseDeleteRange?: { readonly deleted?: Long }
  readonly responseTxn?: TxnResponse
}

export const compareResult = { '=': 0, '>': 1, '<': 2, '!=': 3 } as const
export const compareTarget = { version: 0, createRevision: 1, modRevision: 2, value: 3 } as const

export interface CompareRequest {
  readonly result: number
  readonly target: number
  readonly key: Uint8Array
  readonly version?: number
  readonly createRevision?: number
  readonly modRevision?: number
  readonly value?: Uint8Array
}

export interface TxnRequest {
  readonly compare: readonly CompareRequest[]
  readonly success: readonly RequestOp[]
  readonly failure: readonly RequestOp[]
}

export interface TxnResponse {
  readonly header?: Header
  readonly succeeded?: boolean
  readonly responses?: readonly ResponseOp[]
}

export interface WatchRequest {
  readonly createRequest?: {
    readonly key: Uint8Array
    readonly rangeEnd?: Uint8Array
    readonly startRevision: number
    readonly prevKv: boolean
    readonly watchId: number
    readonly fragment: boolean
  }
  readonly cancelRequest?: { readonly watchId: number }
}

export interface EtcdEvent {
  /** 0 a put, 1 a delete. */
  readonly type?: number
  readonly kv?: KeyValue
  readonly prevKv?: KeyValue
}

export interface WatchResponse {
  readonly header?: Header
  readonly watchId?: Long
  readonly created?: boolean
  readonly canceled?: boolean
  readonly compactRevision?: Long
  readonly cancelReason?: string
  readonly fragment?: boolean
  readonly events?: readonly EtcdEvent[]
}

export interface LeaseResponse {
  readonly id?: Long
  /** In seconds; 0 or less where there is no such lease. */
  readonly ttl?: Long
}

export interface TimeToLiveResponse extends LeaseResponse {
  readonly grantedTtl?: Long
  readonly keys?: readonly Buffer[]
}

/** How a method is called: its path, and how its messages become bytes. */
export interface Method<Q, R> {
  readonly path: string
  readonly serialize: (request: Q) => Buffer
  readonly deserialize: (bytes: Buffer) => R
}

type Fields = Readonly<Record<string, readonly [type: string, id: number]>>

function message(fields: Fields): object {
  return {
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, [type, id]]) => {
        const element = /^(.*)\[\]$/.exec(type)?.[1]
        return [name, element === undefined ? { type, id } : { rule: 'repeated', type: element, id }]
      }),
    ),
  }
}

function service(methods: Readonly<Record<string, readonly [request: string, response: string]>>): object {
  return {
    methods: Object.fromEntries(
      Object.entries(methods).map(([name, [requestType, responseType]]) => [
        name,
        { requestType, responseType },
      ]),
    ),
  }
}

const range: Fields = { key: ['bytes', 1], rangeEnd: ['bytes', 2] }
const header: Fields = { header: ['ResponseHeader', 1] }
const lease: Fields = { ...header, id: ['int64', 2], ttl: ['int64', 3] }

const mvccpb = {
  KeyValue: message({
    key: ['bytes', 1],
    createRevision: ['int64', 2],
    modRevision: ['int64', 3],
    version: ['int64', 4],
    value: ['bytes', 5],
    lease: ['int64', 6],
  }),
  // An enumeration; on the wire it is a number.
  Event: message({ type: ['int32', 1], kv: ['KeyValue', 2], prevKv: ['KeyValue', 3] }),
}

const etcdserverpb = {
  ResponseHeader: message({ revision: ['int64', 3] }),
  RangeRequest: message({
    ...range,
    limit: ['int64', 3],
    revision: ['int64', 4],
    keysOnly: ['bool', 8],
    countOnly: ['bool', 9],
  }),
  RangeResponse: message({
    ...header,
    kvs: ['mvccpb.KeyValue[]', 2],
    more: ['bool', 3],
    count: ['int64', 4],
  }),
  PutRequest: message({ key: ['bytes', 1], value: ['bytes', 2], lease: ['int64', 3] }),
  PutResponse: message(header),
  DeleteRangeRequest: message(range),
  DeleteRangeResponse: message({ ...header, deleted: ['int64', 2] }),
  RequestOp: message({
    requestRange: ['RangeRequest', 1],
    requestPut: ['PutRequest', 2],
    requestDeleteRange: ['DeleteRangeRequest', 3],
    requestTxn: ['TxnRequest', 4],
  }),
  ResponseOp: message({
    responseRange: ['RangeResponse', 1],
    responsePut: ['PutResponse', 2],
    responseDeleteRange: ['DeleteRangeResponse', 3],
    responseTxn: ['TxnResponse', 4],
  }),
  Compare: message({
    result: ['int32', 1],
    target: ['int32', 2],
    key: ['bytes', 3],
    version: ['int64', 4],
    createRevision: ['int64', 5],
    modRevision: ['int64', 6],
    value: ['bytes', 7],
  }),
  TxnRequest: message({
    compare: ['Compare[]', 1],
    success: ['RequestOp[]', 2],
    failure: ['RequestOp[]', 3],
  }),
  TxnResponse: message({ ...header, succeeded: ['bool', 2], responses: ['ResponseOp[]', 3] }),
  WatchRequest: message({
    createRequest: ['WatchCreateRequest', 1],
    cancelRequest: ['WatchCancelRequest', 2],
  }),
  WatchCreateRequest: message({
    ...range,
    startRevision: ['int64', 3],
    prevKv: ['bool', 6],
    watchId: ['int64', 7],
    fragment: ['bool', 8],
  }),
  WatchCancelRequest: message({ watchId: ['int64', 1] }),
  WatchResponse: message({
    ...header,
    watchId: ['int64', 2],
    created: ['bool', 3],
    canceled: ['bool', 4],
    compactRevision: ['int64', 5],
    cancelReason: ['string', 6],
    fragment: ['bool', 7],
    events: ['mvccpb.Event[]', 11],
  }),
  LeaseGrantRequest: message({ ttl: ['int64', 1], id: ['int64', 2] }),
  LeaseGrantResponse: message(lease),
  LeaseRevokeRequest: message({ id: ['int64', 1] }),
  LeaseRevokeResponse: message(header),
  LeaseKeepAliveRequest: message({ id: ['int64', 1] }),
  LeaseKeepAliveResponse: message(lease),
  LeaseTimeToLiveRequest: message({ id: ['int64', 1], keys: ['bool', 2] }),
  LeaseTimeToLiveResponse: message({ ...lease, grantedTtl: ['int64', 4], keys: ['bytes[]', 5] }),
  LeaseLeasesRequest: message({}),
  LeaseStatus: message({ id: ['int64', 1] }),
  LeaseLeasesResponse: message({ ...header, leases: ['LeaseStatus[]', 2] }),
  AuthenticateRequest: message({ name: ['string', 1], password: ['string', 2] }),
  AuthenticateResponse: message({ ...header, token: ['string', 2] }),
  KV: service({ Range: ['RangeRequest', 'RangeResponse'], Txn: ['TxnRequest', 'TxnResponse'] }),
  Watch: service({ Watch: ['WatchRequest', 'WatchResponse'] }),
  Lease: service({
    LeaseGrant: ['LeaseGrantRequest', 'LeaseGrantResponse'],
    LeaseRevoke: ['LeaseRevokeRequest', 'LeaseRevokeResponse'],
    LeaseKeepAlive: ['LeaseKeepAliveRequest', 'LeaseKeepAliveResponse'],
    LeaseTimeToLive: ['LeaseTimeToLiveRequest', 'LeaseTimeToLiveResponse'],
    LeaseLeases: ['LeaseLeasesRequest', 'LeaseLeasesResponse'],
  }),
  Auth: service({ Authenticate: ['AuthenticateRequest', 'AuthenticateResponse'] }),
}

const definition = fromJSON({
  nested: { mvccpb: { nested: mvccpb }, etcdserverpb: { nested: etcdserverpb } },
})

function method<Q, R>(service: string, name: string): Method<Q, R> {
  const found = definition[`etcdserverpb.${service}`]
  assert(found !== undefined && !('format' in found), `there is a service ${service}`)
  const { path, requestSerialize, responseDeserialize } = (
    found as unknown as Record<
      string,
      { path: string; requestSerialize: (value: Q) => Buffer; responseDeserialize: (bytes: Buffer) => R }
    >
  )[name]!
  return { path, serialize: requestSerialize, deserialize: responseDeserialize }
}

export const methods = {
  range: method<RangeRequest, RangeResponse>('KV', 'Range'),
  txn: method<TxnRequest, TxnResponse>('KV', 'Txn'),
  watch: method<WatchRequest, WatchResponse>('Watch', 'Watch'),
  grant: method<{ ttl: number; id: Long }, LeaseResponse>('Lease', 'LeaseGrant'),
  revoke: method<{ id: Long }, object>('Lease', 'LeaseRevoke'),
  keepAlive: method<{ id: Long }, LeaseResponse>('Lease', 'LeaseKeepAlive'),
  timeToLive: method<{ id: Long; keys: boolean }, TimeToLiveResponse>('Lease', 'LeaseTimeToLive'),
  leases: method<object, { leases?: readonly { id?: Long }[] }>('Lease', 'LeaseLeases'),
  authenticate: method<{ name: string; password: string }, { token?: string }>('Auth', 'Authenticate'),
}

/** A revision, version or count; what is not on the wire is 0. */
export function toNumber(value: Long | undefined): number {
  return value === undefined ? 0 : value.toNumber()
}
