import { type Clock, systemClock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import { type Random, systemRandom } from '../../base/random.ts'
import { storeOver } from '../checked-store.ts'
import type { CallOptions, Store } from '../store.ts'
import type { EtcdTls } from './credentials.ts'
import { Deadline } from './deadline.ts'
import { EtcdBackend } from './etcd-backend.ts'
import { Keyspace } from './keyspace.ts'
import { Members } from './members.ts'
import { compareResult, compareTarget, methods, type TxnRequest, type TxnResponse } from './protocol.ts'

export interface EtcdStoreOptions {
  /** `host:port` of the members, or some of them. The first is asked first. */
  readonly endpoints: readonly string[]
  /** All keys are below it: `vertigo` keeps them as `vertigo/...`. Default `vertigo`. */
  readonly prefix?: string
  readonly user?: string
  readonly password?: string
  /** Default: no TLS. */
  readonly tls?: EtcdTls
  /** For opening. Default 5000 ms. */
  readonly timeoutMs?: CallOptions['timeoutMs']
  /** Whether an empty prefix becomes a store. Default true. */
  readonly create?: boolean
  readonly clock?: Clock
  readonly random?: Random
}

/** Of how the store keeps its data in etcd. */
const format = 1

/**
 * Opens a store in etcd 3.4 or newer. Looks whether somebody answers, and whether what is there is a store; an empty prefix
 * becomes one.
 *
 * Rejects with `STORE_UNREACHABLE`, `STORE_REFUSED`, `STORE_FOREIGN`, `STORE_FORMAT_NEWER`, `STORE_NOT_FOUND` with
 * `create` false, within `timeoutMs`.
 */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const { clock = systemClock, random = systemRandom, prefix = 'vertigo', endpoints } = options
  if (endpoints.length === 0) throw new VertigoError('STORE_URL_INVALID', 'No endpoint of etcd was given.')
  if (prefix === '' || !prefix.isWellFormed())
    throw new VertigoError('STORE_URL_INVALID', 'The prefix of a store in etcd is a text that is not empty.')
  const keys = new Keyspace(prefix)
  const members = new Members({
    endpoints,
    tls: options.tls,
    user: options.user,
    password: options.password,
    probeKey: keys.ownKey('probe'),
    clock,
    random,
  })
  try {
    const deadline = new Deadline(
      clock,
      options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs },
    )
    if (members.hasUser) await members.login(deadline)
    await checkFormat(members, keys, deadline, options.create ?? true)
  } catch (error) {
    members.close()
    throw error
  }
  return storeOver(new EtcdBackend(members, keys), clock)
}

/** Marks an empty prefix as a store; refuses what is none, or of a format that is not known yet. */
async function checkFormat(
  members: Members,
  keys: Keyspace,
  deadline: Deadline,
  create: boolean,
): Promise<void> {
  const key = keys.ownKey('format')
  const all = keys.range('')
  const request: TxnRequest = {
    compare: [{ result: compareResult['='], target: compareTarget.version, key, version: 0 }],
    success: [{ requestRange: { ...all, limit: 1, keysOnly: true } }],
    failure: [{ requestRange: { key } }],
  }
  const response = await members.call(methods.txn, request, deadline)
  const found = firstOf(response)
  if (response.succeeded !== true) return checkMark(members, keys, found?.value)
  if (found !== undefined)
    throw new VertigoError(
      'STORE_FOREIGN',
      `What is under "${keys.prefix}/" in etcd was not written by Vertigo.`,
      {
        remedy: 'Give another prefix: `etcd://host:2379/another`.',
      },
    )
  if (!create)
    throw new VertigoError(
      'STORE_NOT_FOUND',
      `There is no store "${keys.prefix}" in etcd at ${members.addresses}.`,
    )
  // Repeated, and done by several at once, with the same result.
  const mark: TxnRequest = {
    ...request,
    success: [{ requestPut: { key, value: Buffer.from(JSON.stringify({ vertigo: 'store', format })) } }],
  }
  const marked = await members.call(methods.txn, mark, deadline)
  if (marked.succeeded !== true) checkMark(members, keys, firstOf(marked)?.value)
}

function firstOf({ responses }: TxnResponse): { readonly value?: Buffer } | undefined {
  return responses?.[0]?.responseRange?.kvs?.[0]
}

function checkMark(members: Members, keys: Keyspace, value: Buffer | undefined): void {
  const found = formatIn(value?.toString() ?? '')
  if (found === undefined)
    throw new VertigoError(
      'STORE_FOREIGN',
      `What "${keys.prefix}" is in etcd at ${members.addresses} is no store.`,
    )
  if (found > format)
    throw new VertigoError(
      'STORE_FORMAT_NEWER',
      `The store "${keys.prefix}" has format ${found}; this version knows formats up to ${format}.`,
    )
}

function formatIn(text: string): number | undefined {
  try {
    const mark = JSON.parse(text) as { readonly vertigo?: unknown; readonly format?: unknown } | null
    const isMark = mark?.vertigo === 'store' && Number.isSafeInteger(mark.format)
    return isMark ? (mark.format as number) : undefined
  } catch {
    return undefined
  }
}
