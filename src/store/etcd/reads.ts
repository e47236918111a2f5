import type { GetResult, RangeOptions, RangeResult, Entry, CallOptions } from '../store.ts'
import { Deadline } from './deadline.ts'
import { Effort } from './effort.ts'
import { toEntries, toGetResult } from './encoding.ts'
import { AttemptFailed, judge } from './failure.ts'
import type { Keyspace } from './keyspace.ts'
import type { Members } from './members.ts'
import { methods, type RangeResponse, toNumber } from './protocol.ts'

/** Values may have a megabyte: the first page is small, the next ones as large as the first one's values allow. */
const firstPageKeys = 256
const pageKeysMax = 10_000
const pageBytesWanted = 2 * 1024 * 1024
const pageKeysMin = 4

/** Reads; all linearizable, all repeated freely. */
export class Reads {
  private readonly members: Members
  private readonly keys: Keyspace

  constructor(members: Members, keys: Keyspace) {
    this.members = members
    this.keys = keys
  }

  async get(key: string, options: CallOptions): Promise<GetResult> {
    const { members, keys } = this
    const deadline = new Deadline(members.clock, options)
    const request = { key: keys.toEtcd(key) }
    return toGetResult(
      keys,
      await members.inTurn(deadline, () => members.call(methods.range, request, deadline)),
    )
  }

  /** In pages, all of the revision that the first one was read at; begins anew where that is gone meanwhile. */
  async range(prefix: string, options: RangeOptions): Promise<RangeResult> {
    const { members } = this
    const deadline = new Deadline(members.clock, options)
    const effort = new Effort(members, deadline)
    return members.inTurn(deadline, async () => {
      for (;;) {
        try {
          return await this.pages(prefix, options, deadline, effort)
        } catch (error) {
          if (!(error instanceof AttemptFailed) || judge(error).type !== 'compacted') throw error
          if (deadline.isOver) throw effort.unreachable(error)
        }
      }
    })
  }

  private async pages(
    prefix: string,
    { after, limit = Infinity }: RangeOptions,
    deadline: Deadline,
    effort: Effort,
  ): Promise<RangeResult> {
    const { members, keys } = this
    const entries: Entry[] = []
    let revision = 0
    let pageKeys = firstPageKeys
    let last = after
    for (;;) {
      const { key, rangeEnd } = keys.range(prefix, last)
      // Behind the last key that there can be; etcd takes an end before the start for an error or for nothing.
      const isEmpty = Buffer.compare(key, rangeEnd) >= 0
      const request = {
        key,
        ...(!isEmpty && { rangeEnd }),
        limit: isEmpty ? 1 : Math.min(pageKeys, limit - entries.length),
        ...(revision > 0 && { revision }),
      }
      const response = await members.call(methods.range, request, deadline, effort)
      if (revision === 0) revision = toNumber(response.header?.revision)
      if (isEmpty) return { entries, revision, more: false }
      const page = toEntries(keys, response)
      for (const entry of page) entries.push(entry)
      last = page.at(-1)?.key
      const more = response.more === true
      if (!more || entries.length >= limit) return { entries, revision, more }
      pageKeys = nextPageKeys(response)
    }
  }
}

function nextPageKeys({ kvs = [] }: RangeResponse): number {
  let bytes = 0
  for (const { key, value } of kvs) bytes += (key?.length ?? 0) + (value?.length ?? 0) + 50
  const wanted = Math.floor((pageBytesWanted * kvs.length) / Math.max(1, bytes))
  return Math.max(pageKeysMin, Math.min(pageKeysMax, wanted))
}
