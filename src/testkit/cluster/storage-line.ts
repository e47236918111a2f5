import { type Clock, sleep } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { Page, StorageBackend, WriteOptions } from '../../snapshot/storage/storage.ts'
import { never, type StepMoment, type StepName } from './steps.ts'

/** How good the way between a process and the storage of snapshots is. */
export interface StorageQuality {
  /** Each way, in milliseconds. */
  readonly delayMsMax: number
  /** Part of the calls that fail: before they are carried out, or after. */
  readonly failing: number
}

export const goodStorage: StorageQuality = { delayMsMax: 2, failing: 0 }

export interface StorageLineMeans {
  /** Goes on while the process is paused. */
  readonly network: Clock
  /** Of the process: what it hears, it hears when it runs. */
  readonly own: Clock
  readonly random: Random
  readonly isDead: () => boolean
  readonly reach: (name: StepName, moment: StepMoment) => void
}

/** So long a call to a storage that is gone takes, in milliseconds. */
const unreachableMs = 400

/**
 * A process's way to the storage of snapshots, which survives whatever happens to processes.
 *
 * - SO-1 What was sent before the process ended is written, or is not; nothing is written in part.
 * - SO-2 A call that fails may have been carried out.
 */
export class StorageLine implements StorageBackend {
  readonly about = 'simulated'
  readonly place = 'shared'
  quality: StorageQuality = goodStorage
  /** Nothing gets there. */
  isCut = false
  private readonly inner: StorageBackend
  private readonly means: StorageLineMeans

  constructor(inner: StorageBackend, means: StorageLineMeans) {
    this.inner = inner
    this.means = means
  }

  async write(name: string, content: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<void> {
    const pieces: Uint8Array[] = []
    for await (const piece of content) pieces.push(piece)
    const step = name.endsWith('/manifest') ? 'write-manifest' : 'write-part'
    const whole = (): AsyncIterable<Uint8Array> => asPieces(pieces)
    await this.call(step, options.signal, () => this.inner.write(name, whole(), options))
  }

  async *read(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    yield* await this.call('load', signal, () => allOf(this.inner.read(name, signal)))
  }

  page(prefix: string, after: string, countMax: number, signal: AbortSignal): Promise<Page> {
    return this.call('load', signal, () => this.inner.page(prefix, after, countMax, signal))
  }

  delete(name: string, signal: AbortSignal): Promise<void> {
    return this.call('delete-file', signal, () => this.inner.delete(name, signal))
  }

  async close(): Promise<void> {
    // The storage is there for others.
  }

  /** Ends with the signal; what is on its way then may still be carried out. */
  private call<T>(step: StepName, signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    const done = this.perform(step, act)
    const { promise, reject } = Promise.withResolvers<never>()
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    return Promise.race([done, promise]).finally(() => signal.removeEventListener('abort', onAbort))
  }

  private async perform<T>(step: StepName, act: () => Promise<T>): Promise<T> {
    const { network, own, random, isDead } = this.means
    if (isDead()) return never()
    await this.reach(step, 'before')
    await this.way()
    if (this.isCut) return this.unreachable(unreachableMs)
    // SO-1
    if (isDead() && random.next() < 0.5) return never()
    const fails = this.quality.failing > 0 && random.next() < this.quality.failing
    if (fails && random.next() < 0.5) return this.unreachable(0)
    try {
      const result = await act()
      await this.reach(step, 'done')
      if (fails) return await this.unreachable(0)
      return result
    } finally {
      await sleep(network, random.next() * this.quality.delayMsMax)
      await sleep(own, 0)
      await this.reach(step, 'after')
    }
  }

  private async unreachable(afterMs: number): Promise<never> {
    await sleep(this.means.network, afterMs)
    await sleep(this.means.own, 0)
    throw new VertigoError('SNAPSHOT_STORAGE_UNREACHABLE', 'The storage did not answer.')
  }

  private reach(name: StepName, moment: StepMoment): Promise<void> | undefined {
    this.means.reach(name, moment)
    return this.means.isDead() ? never() : undefined
  }

  private way(): Promise<void> {
    return sleep(this.means.network, this.means.random.next() * this.quality.delayMsMax)
  }
}

async function allOf(pieces: AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return all
}

async function* asPieces(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  yield* pieces
}
