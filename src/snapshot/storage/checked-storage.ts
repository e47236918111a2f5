import { assert } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import { decodeObject, encodeObject } from './object-format.ts'
import {
  type CallOptions,
  type Content,
  type GetOptions,
  nameBytesMax,
  type Page,
  pageCountMax,
  type PageOptions,
  type PutOptions,
  type SnapshotStorage,
  type StorageBackend,
  type StoredObject,
} from './storage.ts'

/** The storage over a backend: checks names, adds and verifies checksums, ends calls in time. */
export function storageOver(backend: StorageBackend, clock: Clock): SnapshotStorage {
  return new CheckedStorage(backend, clock)
}

const defaultTimeoutMs = 600_000
const namePattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/
const prefixPattern = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/?)*$/

class CheckedStorage implements SnapshotStorage {
  readonly #backend: StorageBackend
  readonly #clock: Clock

  constructor(backend: StorageBackend, clock: Clock) {
    this.#backend = backend
    this.#clock = clock
  }

  get about(): string {
    return this.#backend.about
  }

  get place(): 'local' | 'shared' {
    return this.#backend.place
  }

  get isNear(): boolean {
    return this.#backend.isNear === true
  }

  async put(name: string, content: Content, options: PutOptions = {}): Promise<StoredObject> {
    checkName(name)
    let stored: StoredObject | undefined
    await this.#call(options, (signal) => {
      const object = encodeObject(name, untilAborted(content, signal), (told) => (stored = told))
      return this.#backend.write(name, object, { ifAbsent: options.ifAbsent === true, signal })
    })
    assert(stored !== undefined, 'a backend took less than the whole object')
    return stored
  }

  async *get(name: string, options: GetOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    checkName(name)
    const limit = this.#limit(options)
    try {
      limit.signal.throwIfAborted()
      const object = this.#backend.read(name, limit.signal)
      for await (const piece of decodeObject(name, this.about, object, options.expected)) {
        yield piece
        limit.signal.throwIfAborted()
      }
    } catch (error) {
      throw limit.signal.aborted ? (limit.signal.reason as Error) : error
    } finally {
      limit.end()
    }
  }

  async page(prefix: string, options: PageOptions = {}): Promise<Page> {
    const { after = '', countMax = pageCountMax } = options
    assert(prefixPattern.test(prefix), `"${prefix}" is no beginning of a name of a snapshot file`)
    assert(countMax >= 1, 'a page has at least one name')
    return this.#call(options, (signal) =>
      this.#backend.page(prefix, after, Math.min(countMax, pageCountMax), signal),
    )
  }

  async delete(names: readonly string[], options: CallOptions = {}): Promise<void> {
    names.forEach(checkName)
    await this.#call(options, async (signal) => {
      for (const name of names) {
        await this.#backend.delete(name, signal)
        signal.throwIfAborted()
      }
    })
  }

  close(): Promise<void> {
    return this.#backend.close()
  }

  async #call<T>(options: CallOptions, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limit = this.#limit(options)
    try {
      limit.signal.throwIfAborted()
      return await call(limit.signal)
    } catch (error) {
      // However the backend said that it was ended.
      throw limit.signal.aborted ? (limit.signal.reason as Error) : error
    } finally {
      limit.end()
    }
  }

  /** A signal that is aborted by the caller's, or when the time is over. */
  #limit({ signal, timeoutMs = defaultTimeoutMs }: CallOptions): {
    readonly signal: AbortSignal
    end(): void
  } {
    const ending = new AbortController()
    const onAbort = (): void => ending.abort(signal?.reason)
    if (signal?.aborted === true) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    const onTime = (): void => {
      const what = `${this.about} did not answer within ${timeoutMs} ms.`
      ending.abort(new VertigoError('SNAPSHOT_STORAGE_UNREACHABLE', what))
    }
    // A content that nobody reads to its end keeps no process alive.
    const cancel = this.#clock.after(timeoutMs, onTime, { background: true })
    return {
      signal: ending.signal,
      end() {
        cancel()
        signal?.removeEventListener('abort', onAbort)
      },
    }
  }
}

/** The content, as long as the signal is not aborted: whoever makes it may never go on. */
async function* untilAborted(
  content: Content,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (content instanceof Uint8Array) {
    yield content
    return
  }
  const pieces =
    Symbol.asyncIterator in content ? content[Symbol.asyncIterator]() : content[Symbol.iterator]()
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
  // Looked at by each race; after the last one nobody does.
  aborted.catch(() => undefined)
  let isOver = false
  try {
    for (;;) {
      signal.throwIfAborted()
      const next = await Promise.race([pieces.next(), aborted])
      isOver = next.done === true
      if (next.done === true) return
      yield next.value
    }
  } finally {
    // One that stands still would never end, so nobody waits for it once the signal was aborted.
    if (!isOver) await endOf(pieces, signal)
  }
}

async function endOf(
  pieces: Iterator<Uint8Array> | AsyncIterator<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const ended = Promise.resolve(pieces.return?.())
  if (signal.aborted) ended.catch(() => undefined)
  else await ended
}

function checkName(name: string): void {
  assert(namePattern.test(name) && name.length <= nameBytesMax, `"${name}" is no name of a snapshot file`)
}

/** All names behind a prefix, page by page. */
export async function* allNames(
  storage: SnapshotStorage,
  prefix: string,
  options: PageOptions = {},
): AsyncGenerator<string, void, undefined> {
  let { after = '' } = options
  for (;;) {
    const { names, more } = await storage.page(prefix, { ...options, after })
    yield* names
    if (!more || names.length === 0) return
    after = names.at(-1)!
  }
}
