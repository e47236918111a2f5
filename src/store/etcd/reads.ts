import { VertigoError } from '../../base/errors.ts'
import { firstPageKeys, nextPageKeys } from '../page-size.ts'
import type { CallOptions, Entry, GetResult, RangeOptions, RangeResult, Revision } from '../store.ts'
import { Deadline } from './deadline.ts'
import { Effort } from './effort.ts'
import { toEntries, toGetResult } from './encoding.ts'
import { AttemptFailed, judge } from './failure.ts'
import type { Keyspace } from './keyspace.ts'
import type { Members } from './members.ts'
import { methods, toNumber } from './protocol.ts'

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
          return await this.whole(prefix, options, deadline, effort)
        } catch (error) {
          if (!(error instanceof AttemptFailed) || judge(error).type !== 'compacted') throw error
          if (deadline.isOver) throw effort.unreachable(error)
        }
      }
    })
  }

  private async whole(
    prefix: string,
    { after, limit = Infinity }: RangeOptions,
    deadline: Deadline,
    effort: Effort,
  ): Promise<RangeResult> {
    const entries: Entry[] = []
    let revision = 0
    let last = after
    let pageKeys = firstPageKeys
    for (;;) {
      const wanted = Math.min(pageKeys, limit - entries.length)
      const page = await this.page({ prefix, after: last, limit: wanted, revision }, deadline, effort)
      ;({ revision } = page)
      for (const entry of page.entries) entries.push(entry)
      last = page.entries.at(-1)?.key
      const { more } = page
      if (!more || entries.length >= limit) return { entries, revision, more }
      pageKeys = nextPageKeys(page.entries)
    }
  }

  /** As `range`; each page is a call by itself. */
  async *pages(prefix: string, options: CallOptions): AsyncGenerator<RangeResult, void, undefined> {
    let at: PageRequest = { prefix, after: undefined, limit: firstPageKeys, revision: 0 }
    for (;;) {
      const page = await this.onePage(at, options)
      yield page
      if (!page.more) return
      const { entries, revision } = page
      at = { prefix, after: entries.at(-1)?.key, limit: nextPageKeys(entries), revision }
    }
  }

  private async onePage(request: PageRequest, options: CallOptions): Promise<RangeResult> {
    const { members } = this
    const deadline = new Deadline(members.clock, options)
    const effort = new Effort(members, deadline)
    try {
      return await members.inTurn(deadline, () => this.page(request, deadline, effort))
    } catch (error) {
      if (!(error instanceof AttemptFailed) || judge(error).type !== 'compacted') throw error
      const text = `Revision ${request.revision} of the store was compacted while it was read.`
      throw new VertigoError('STORE_CONTENDED', text, { cause: error })
    }
  }

  private async page(
    { prefix, after, limit, revision }: PageRequest,
    deadline: Deadline,
    effort: Effort,
  ): Promise<RangeResult> {
    const { members, keys } = this
    const { key, rangeEnd } = keys.range(prefix, after)
    // Behind the last key that there can be; etcd takes an end before the start for an error or for nothing.
    const isEmpty = Buffer.compare(key, rangeEnd) >= 0
    const request = {
      key,
      ...(!isEmpty && { rangeEnd }),
      limit: isEmpty ? 1 : limit,
      ...(revision > 0 && { revision }),
    }
    const response = await members.call(methods.range, request, deadline, effort)
    const readAt = revision > 0 ? revision : toNumber(response.header?.revision)
    if (isEmpty) return { entries: [], revision: readAt, more: false }
    return { entries: toEntries(keys, response), revision: readAt, more: response.more === true }
  }
}

interface PageRequest {
  readonly prefix: string
  readonly after: string | undefined
  readonly limit: number
  /** 0: the one that is there when it is read. */
  readonly revision: Revision
}
