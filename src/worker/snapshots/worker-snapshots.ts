import type { Clock } from '../../base/clock.ts'
import { asError, errorToData, VertigoError } from '../../base/errors.ts'
import type { FileReference } from '../../snapshot/manifest.ts'
import type { MergeRequest } from '../../snapshot/merge-files.ts'
import type { PartReport, SnapshotBegin, SnapshotEnd } from '../../snapshot/part.ts'
import type { SnapshotStorage } from '../../snapshot/storage/storage.ts'
import type { InstanceParts, PartFacts, PartInWork } from './instance-parts.ts'
import type { SliceWork } from './slice-work.ts'

/** Longest time between two turns that is spent for snapshots, in milliseconds. */
const stepMs = 1

/** How long the dead letters of a cut may take, in milliseconds: a file that cannot be written is tried again each second. */
const lettersMsMax = 1_000
const lettersLate = `Messages that were rejected before it are in no file of dead letters after ${lettersMsMax} ms.`

export interface WorkerSnapshotsMeans {
  readonly clock: Clock
  readonly storage: () => Promise<SnapshotStorage>
  readonly report: (report: PartReport) => void
  /** `step` is to be called soon. */
  readonly requestStep: () => void
  /** When all messages are in the dead letters that were rejected until now; undefined where they are. */
  readonly rejectionsTaken: () => Promise<unknown> | undefined
  readonly merge: MergeFiles
  /** Nothing is lost by it; files of an instance stay many. */
  readonly mergeFailed: (of: MergeRequest['head'], error: Error) => void
}

/** Makes files one, wherever that disturbs nobody. */
export type MergeFiles = (request: MergeRequest, signal: AbortSignal) => Promise<FileReference>

/** Writes the parts of a worker's instances, in slices between their turns, and tells of them. */
export class WorkerSnapshots {
  private readonly means: WorkerSnapshotsMeans
  /** By the id of the instance. */
  private readonly parts = new Map<number, InstanceParts>()
  private readonly inWork = new Set<PartInWork>()
  /** What belongs to no part alone. */
  private readonly sliced = new Set<SliceWork>()
  private readonly ending = new AbortController()
  /** One instance's files at a time. */
  private merging: Promise<void> = Promise.resolve()
  private isClosed = false

  constructor(means: WorkerSnapshotsMeans) {
    this.means = means
  }

  add(instance: number, parts: InstanceParts): void {
    this.parts.set(instance, parts)
  }

  /** The instance is no more: what is being written of it is of no use, and its state is let go. */
  forget(instance: number): void {
    this.parts.get(instance)?.close()
    this.parts.delete(instance)
  }

  /** The part of an instance that has finished: the same in all snapshots, once one has it. */
  cutFinished(instance: number, begin: SnapshotBegin, facts: () => PartFacts): void {
    const part = this.parts.get(instance)?.finished(begin)
    const { generation, snapshot } = begin
    if (part === undefined) this.cut(instance, begin, 0, facts)
    else
      this.means.report({
        type: 'part-stored',
        generation,
        snapshot,
        instance,
        alignedMs: 0,
        storedMs: 0,
        part,
      })
  }

  /** Takes the cut of an instance's state. `facts` may throw: then the part has failed. */
  cut(instance: number, begin: SnapshotBegin, alignedMs: number, facts: () => PartFacts): void {
    const parts = this.parts.get(instance)
    if (parts === undefined) return
    let part: PartInWork
    try {
      part = parts.begin(begin, facts())
    } catch (error) {
      this.failed(instance, begin, error)
      return
    }
    this.inWork.add(part)
    this.mergeIfMany(parts, begin)
    const cutAtMs = this.means.clock.monotonic()
    const letters = this.lettersWritten()
    part
      .store(this.means.storage, this.means.requestStep)
      .then(async (stored) => {
        // Nobody gives again what was rejected before the cut.
        if (letters !== undefined) await letters
        return stored
      })
      .then(
        (stored) => {
          if (part.isGivenBack || this.isClosed) return
          const { generation, snapshot } = begin
          const storedMs = this.means.clock.monotonic() - cutAtMs
          const about = { generation, snapshot, instance, alignedMs, storedMs }
          this.means.report({ type: 'part-stored', ...about, part: stored })
        },
        (error: unknown) => {
          if (!part.isGivenBack) this.failed(instance, begin, error)
        },
      )
      .finally(() => this.inWork.delete(part))
      .catch((error: unknown) => this.failed(instance, begin, error))
  }

  private lettersWritten(): Promise<void> | undefined {
    const taken = this.means.rejectionsTaken()
    if (taken === undefined) return undefined
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const late = (): void => reject(new VertigoError('DEAD_LETTERS_LATE', lettersLate))
    const cancel = this.means.clock.after(lettersMsMax, late, { background: true })
    taken.then(() => {
      cancel()
      resolve()
    }, reject)
    // Where the part fails before, nobody waits for it.
    promise.catch(() => undefined)
    return promise
  }

  ended({ type, snapshot }: SnapshotEnd): void {
    for (const parts of this.parts.values()) {
      const work = parts.ended(snapshot, type === 'committed')
      if (work !== undefined) this.inSlices(work)
    }
  }

  /** Behind those of others. Whoever commits does not wait for it; what fails is tried again when the files are more. */
  private mergeIfMany(parts: InstanceParts, begin: SnapshotBegin): void {
    const { generation, incarnation, inlineBytesMax = 0 } = begin
    const request = parts.merge({ generation, incarnation, inlineBytesMax })
    if (request === undefined) return
    const { signal } = this.ending
    this.merging = this.merging.then(async () => {
      if (!parts.waitsFor(request)) return
      const file = await this.means.merge(request, signal).catch((error: unknown) => {
        if (!signal.aborted && parts.waitsFor(request)) this.means.mergeFailed(request.head, asError(error))
        return undefined
      })
      parts.merged(request, file)
    })
  }

  /** Does it between turns, until it waits no more. */
  inSlices(work: SliceWork): void {
    if (this.isClosed) return
    this.sliced.add(work)
    this.means.requestStep()
  }

  /** There is something to do for `step`. */
  get isWaiting(): boolean {
    for (const work of this.sliced) if (work.isWaiting) return true
    for (const part of this.inWork) if (part.isWaiting) return true
    return false
  }

  /** Works for a slice; true where there is more to do. */
  step(): boolean {
    const { clock } = this.means
    const endMs = clock.monotonic() + stepMs
    // Parts may wait for it.
    for (const work of this.sliced) {
      if (stepUntil(work, clock, endMs)) return true
      this.sliced.delete(work)
    }
    for (const part of this.inWork) if (stepUntil(part, clock, endMs)) return true
    return false
  }

  close(): void {
    this.isClosed = true
    this.ending.abort(new Error('the worker has ended'))
    for (const part of this.inWork) part.giveBack()
    this.inWork.clear()
    this.sliced.clear()
  }

  private failed(instance: number, { generation, snapshot }: SnapshotBegin, error: unknown): void {
    if (this.isClosed) return
    this.means.report({ type: 'part-failed', generation, snapshot, instance, error: errorToData(error) })
  }
}

/** True where it is left with something to do. */
function stepUntil(work: SliceWork, clock: Clock, endMs: number): boolean {
  if (!work.isWaiting) return false
  const leftMs = endMs - clock.monotonic()
  if (leftMs <= 0) return true
  work.step(clock, leftMs)
  return work.isWaiting
}
