import { VertigoError } from '../../base/errors.ts'
import { makeEntry } from '../backend.ts'
import type { Compare, Entry, GetResult, LeaseId, Operation, OperationResult, WatchEvent } from '../store.ts'
import type { Keyspace } from './keyspace.ts'
import { leaseNumber, leaseText } from './lease-ids.ts'
import {
  type CompareRequest,
  compareResult,
  compareTarget,
  type EtcdEvent,
  type KeyValue,
  type RangeResponse,
  type RequestOp,
  type ResponseOp,
  toNumber,
} from './protocol.ts'

/** From the store's terms to etcd's messages, and back. */

const noBytes = new Uint8Array()

export function toCompare(keys: Keyspace, compare: Compare): CompareRequest {
  const { target, is, than } = compare
  return {
    result: compareResult[is],
    target: compareTarget[target],
    key: keys.toEtcd(compare.key),
    [target]: than,
  }
}

export function toRequest(keys: Keyspace, operation: Operation): RequestOp {
  switch (operation.type) {
    case 'get':
      return { requestRange: { key: keys.toEtcd(operation.key) } }
    case 'range':
      return { requestRange: keys.range(operation.prefix) }
    case 'delete':
      return { requestDeleteRange: { key: keys.toEtcd(operation.key) } }
    case 'delete-range':
      return { requestDeleteRange: keys.range(operation.prefix) }
    case 'put': {
      const { value, lease } = operation
      const put = { key: keys.toEtcd(operation.key), value }
      return { requestPut: lease === undefined ? put : { ...put, lease: knownLease(lease) } }
    }
  }
}

export function toResult(keys: Keyspace, operation: Operation, response: ResponseOp): OperationResult {
  switch (operation.type) {
    case 'get':
      return { type: 'get', entry: toEntries(keys, response.responseRange)[0] }
    case 'range':
      return { type: 'range', entries: toEntries(keys, response.responseRange) }
    case 'delete':
    case 'delete-range':
      return { type: operation.type, deleted: toNumber(response.responseDeleteRange?.deleted) }
    case 'put':
      return { type: 'put' }
  }
}

export function toGetResult(keys: Keyspace, response: RangeResponse): GetResult {
  return { entry: toEntries(keys, response)[0], revision: toNumber(response.header?.revision) }
}

export function toEntries(keys: Keyspace, response: RangeResponse | undefined): Entry[] {
  const entries: Entry[] = []
  for (const kv of response?.kvs ?? []) {
    const entry = toEntry(keys, kv)
    if (entry !== undefined) entries.push(entry)
  }
  return entries
}

export function toEvent(keys: Keyspace, { type, kv, prevKv }: EtcdEvent): WatchEvent | undefined {
  const key = keys.fromEtcd(kv?.key ?? Buffer.alloc(0))
  if (key === undefined || kv === undefined) return undefined
  const previous = prevKv && toEntry(keys, prevKv)
  const revision = toNumber(kv.modRevision)
  if (type === 1) return { type: 'delete', key, revision, ...(previous && { previous }) }
  const entry = toEntry(keys, kv)!
  return { type: 'put', key, revision, entry, ...(previous && { previous }) }
}

export function knownLease(lease: LeaseId): NonNullable<ReturnType<typeof leaseNumber>> {
  const id = leaseNumber(lease)
  if (id === undefined) throw leaseLost(lease)
  return id
}

export function leaseLost(lease: LeaseId): VertigoError {
  return new VertigoError('STORE_LEASE_LOST', `The lease ${lease} has ended, or never was.`)
}

function toEntry(keys: Keyspace, kv: KeyValue): Entry | undefined {
  const key = kv.key && keys.fromEtcd(kv.key)
  if (key === undefined) return undefined
  const { value, lease } = kv
  // A plain array, as every backend gives; it shares the memory of the message.
  const bytes =
    value === undefined ? noBytes : new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  const at = {
    createRevision: toNumber(kv.createRevision),
    modRevision: toNumber(kv.modRevision),
    version: toNumber(kv.version),
  }
  return makeEntry(key, bytes, at, lease === undefined || lease.isZero() ? undefined : leaseText(lease))
}
