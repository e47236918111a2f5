import { type Clock, sleep } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import type { FollowListener, StoreBackend } from './backend.ts'
import { compareKeys } from './keys.ts'
import { callTimeoutMsDefault } from './limits.ts'
import { firstPageKeys, nextPageKeys } from './page-size.ts'
import type { CallOptions, Entry, RangeResult, Revision, WatchEvent } from './store.ts'

/** Of what was changed while pages were read, and is still to be given as it was before. */
const changedBytesMax = 64 * 1024 * 1024
const entryBytes = 100
const lookMs = 2

/**
 * All that begins with a prefix as it is at one revision, page by page, over a backend whose reads are of the present. What
 * was changed since the first page is put back as it was, by what followers are told.
 *
 * - PG-1 A page is given when the changes up to the revision it was read at are known: of each key that they changed, what was
 *   there before the first change is given in place of what was read.
 * - PG-2 In memory are a page, and what was changed of the keys that were not given yet; more than `changedBytesMax` is refused.
 * - PG-3 The backend raises its revision by its own changes only, so that each revision is told to who follows all keys.
 */
export async function* pagesOfPresent(
  backend: Pick<StoreBackend, 'range' | 'follow'>,
  clock: Clock,
  prefix: string,
  options: CallOptions,
): AsyncGenerator<RangeResult, void, undefined> {
  const first = await backend.range(prefix, { ...options, limit: firstPageKeys })
  const { revision } = first
  const past = new Past(prefix, first)
  const following = backend.follow('', revision + 1, past)
  try {
    yield first
    let { more } = first
    let limit = nextPageKeys(first.entries)
    while (more) {
      const read = await backend.range(prefix, { ...options, limit, after: past.given })
      await past.reach(read.revision, clock, options)
      ;({ more } = read)
      limit = nextPageKeys(read.entries)
      yield { entries: past.restore(read.entries, more), revision, more }
    }
  } finally {
    following.cancel()
  }
}

/** What was there before the changes since the first page, behind the keys that were given. */
class Past implements FollowListener {
  /** The last key that was given, or would have been. */
  given: string
  private readonly prefix: string
  /** Undefined where nothing was there. */
  private readonly before = new Map<string, Entry | undefined>()
  private bytes = 0
  private seen: Revision
  private failure: Error | undefined

  constructor(prefix: string, { entries, revision }: RangeResult) {
    this.prefix = prefix
    this.given = entries.at(-1)?.key ?? ''
    this.seen = revision
  }

  events(revision: Revision, events: readonly WatchEvent[]): void {
    for (const event of events) this.note(event)
    this.seen = revision
  }

  compacted(): void {
    this.failure ??= lost('its history does not reach back to the first page')
  }

  failed(error: Error): void {
    this.failure ??= error
  }

  /** Returns when all changes up to `revision` are noted. */
  async reach(revision: Revision, clock: Clock, options: CallOptions): Promise<void> {
    const { timeoutMs = callTimeoutMsDefault, signal } = options
    const untilMs = clock.monotonic() + timeoutMs
    while (revision > this.seen && this.failure === undefined) {
      if (clock.monotonic() >= untilMs)
        throw new VertigoError(
          'STORE_UNREACHABLE',
          `The store did not tell of its changes in ${timeoutMs} ms.`,
        )
      await sleep(clock, lookMs, signal)
    }
    if (this.failure !== undefined) throw this.failure
  }

  /** A page as it was; where there are more, it reaches to the last key that was read. */
  restore(read: readonly Entry[], more: boolean): readonly Entry[] {
    const last = more ? read.at(-1)?.key : undefined
    const entries = read.filter(({ key }) => !this.before.has(key))
    for (const [key, entry] of this.before) {
      if (last !== undefined && compareKeys(key, last) > 0) continue
      if (entry !== undefined) entries.push(entry)
      this.before.delete(key)
      this.bytes -= bytesOf(key, entry)
    }
    if (last !== undefined) this.given = last
    return entries.toSorted((a, b) => compareKeys(a.key, b.key))
  }

  private note({ type, key, entry, previous }: WatchEvent): void {
    if (!key.startsWith(this.prefix) || compareKeys(key, this.given) <= 0 || this.before.has(key)) return
    const isKnown = previous !== undefined || (type === 'put' && entry?.version === 1)
    if (!isKnown) this.failure ??= lost(`what "${key}" was before is not known any more`)
    this.before.set(key, previous)
    this.bytes += bytesOf(key, previous)
    if (this.bytes > changedBytesMax) this.failure ??= lost(`more than ${changedBytesMax} bytes were changed`)
  }
}

function bytesOf(key: string, entry: Entry | undefined): number {
  return key.length + (entry?.value.byteLength ?? 0) + entryBytes
}

function lost(why: string): VertigoError {
  return new VertigoError('STORE_CONTENDED', `The store was changed too much while it was read: ${why}.`)
}
