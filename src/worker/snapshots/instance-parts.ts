import { assert } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import { needsMerge, withMerged } from '../../snapshot/collection.ts'
import { stateFileName } from '../../snapshot/file-names.ts'
import type { FileReference, InstanceManifest, SavedState } from '../../snapshot/manifest.ts'
import type { MergeRequest } from '../../snapshot/merge-files.ts'
import type { SnapshotBegin } from '../../snapshot/part.ts'
import { inlineBytes, putFile } from '../../snapshot/small-files.ts'
import { encodeState, type StateEntry } from '../../snapshot/state-file.ts'
import type { SnapshotStorage } from '../../snapshot/storage/storage.ts'
import type { KeyedState } from '../../state/keyed-state.ts'
import { PartContent } from './part-content.ts'
import type { SliceWork } from './slice-work.ts'

/** Of whom parts are written. */
export interface PartOwner {
  readonly network: string
  readonly component: string
  readonly instance: number
  readonly instances: number
  readonly place: string
  readonly keyed: KeyedState | undefined
  readonly keyGroups: readonly [number, number] | null
  readonly stateVersion: number
  readonly states: readonly SavedState[]
}

/** What a part says of its instance beside its state. */
export interface PartFacts {
  /** What is not keyed. Later than the cut where something still belongs to it that is under way in a cycle. */
  readonly saved: SavedEntries | Promise<SavedEntries>
  readonly isFinished: boolean
}

export interface SavedEntries {
  readonly entries: readonly StateEntry[]
  /** See `InstanceManifest`. */
  readonly hasChannelState: boolean
}

/**
 * The parts of one instance, one snapshot after the other, and what is known of which of them were committed.
 *
 * - IP-1 (SN-5) A part refers to files of a committed snapshot, and to the one that is written for it. What was written for a snapshot
 *   that was not committed is written again.
 * - IP-3 When its files have become many, they are made one beside all this (`merging`); the next part stands on that one. One that comes
 *   too late is left out, and collected.
 * - IP-4 Where the files of all snapshots are gone (`SnapshotBegin.isWhole`), a part refers to none of them.
 * - IP-5 Where most of a state has changed, all of it is written (ADR 0029): an increment would be about as large, and be merged after a few
 *   more of them, beside what runs.
 * - IP-2 Of a snapshot that nobody has told the end of, the next one tells: it is its predecessor, or was not committed.
 */
export class InstanceParts {
  private readonly owner: PartOwner
  /** Of the last committed snapshot, or that it was restored from. */
  private base: { readonly snapshot: number | null; readonly part: InstanceManifest | undefined }
  /** Of the one whose end is not known. */
  private last: PartInWork | undefined
  private written = 0
  private merging: Merging = { state: 'none' }

  /** `restored`: the snapshot and the part that its state is the same as; without, all of its state has to be noted as changed. */
  constructor(owner: PartOwner, restored?: { readonly snapshot: number; readonly part: InstanceManifest }) {
    this.owner = owner
    this.base = { snapshot: restored?.snapshot ?? null, part: restored?.part }
  }

  /** Of an instance that has finished: what it had when it was over, where that was committed. */
  finished(begin: SnapshotBegin): InstanceManifest | undefined {
    if (begin.predecessor !== null) this.settle(begin.predecessor)
    if (begin.isWhole === true) return undefined
    return this.base.part?.isFinished === true ? this.base.part : undefined
  }

  /** What is left to do for it, in slices. */
  ended(snapshot: number, isCommitted: boolean): SliceWork | undefined {
    if (this.last?.snapshot !== snapshot) return undefined
    if (!isCommitted) return this.giveBack()
    this.settle(snapshot)
    return undefined
  }

  /** Takes the cut. */
  begin(begin: SnapshotBegin, facts: PartFacts): PartInWork {
    if (begin.predecessor !== null) this.settle(begin.predecessor)
    this.giveBack()
    if (begin.isWhole === true) this.beginAnew()
    const { owner } = this
    const base = this.filesFor(begin.snapshot)
    const isFull = this.isWhole(base)
    const content = new PartContent(owner.keyed, owner.place, isFull)
    this.last = new PartInWork(owner, begin, facts, { content, isFull, base, number: this.written++ })
    return this.last
  }

  /** IP-5 */
  private isWhole(base: readonly FileReference[]): boolean {
    const { keyed } = this.owner
    if (keyed === undefined || base.length === 0) return true
    // Of lists and maps, an increment has what was put in.
    if (keyed.slots.some(({ type }) => type !== 'value')) return false
    return keyed.noteRest(base.reduce((sum, { bytes }) => sum + bytes, 0) <= restBytesMax)
  }

  /** Ends what is being written. */
  close(): void {
    this.giveBack()
  }

  /** IP-4. All of it is noted: what is given back of it later is all of it as well. */
  private beginAnew(): void {
    this.owner.keyed?.noteAll()
    this.base = { snapshot: this.base.snapshot, part: undefined }
    if (this.merging.state === 'done') this.merging = { state: 'none' }
  }

  /**
   * Files that are to be made one, once, when they have become many: `merged` is to be called in the end. `generation`, `incarnation`: of the
   * file that is written.
   */
  merge({ inlineBytesMax = 0, ...of }: MergeBegin): MergeRequest | undefined {
    const { part, snapshot } = this.base
    if (part === undefined || snapshot === null || this.merging.state !== 'none') return undefined
    // The next one stands on none of them.
    if (this.last?.isFull === true) return undefined
    // What is in manifests is stored where it may not be there any more.
    if (!needsMerge(part) && inlineBytes(part.files) <= inlineBytesMax) return undefined
    this.merging = { state: 'works', files: part.files }
    const { network, component, instance } = this.owner
    const head = { network, component, instance, ...of }
    const until = snapshot + mergeSnapshotsMax
    const name = stateFileName({ ...head, until, number: this.written++, kind: 'full' })
    // Increments are to have room beside it.
    return { files: part.files, name, head, until, inlineBytesMax: Math.floor(inlineBytesMax / 2) }
  }

  /** Not where the part of a committed snapshot has none of the files: they may be gone by now. */
  waitsFor({ files }: MergeRequest): boolean {
    return this.merging.state === 'works' && this.merging.files === files
  }

  /** `file` undefined: it came to nothing. */
  merged(request: MergeRequest, file: FileReference | undefined): void {
    if (!this.waitsFor(request)) return
    const { files } = request
    this.merging = file === undefined ? { state: 'none' } : { state: 'done', files, file }
  }

  /** What the part of a snapshot stands on. */
  private filesFor(snapshot: number): readonly FileReference[] {
    const files = this.base.part?.files ?? []
    const { merging } = this
    if (merging.state !== 'done') return files
    const merged = merging.file.until < snapshot ? undefined : withMerged(files, merging.files, merging.file)
    // It is in use, or never will be.
    if (merged === undefined) this.merging = { state: 'none' }
    return merged ?? files
  }

  /** What was written for the snapshot, if anything, is what the next part stands on. */
  private settle(committed: number): void {
    const { last } = this
    if (last?.snapshot !== committed) return
    // Who commits has the part.
    assert(
      last.part !== undefined,
      `snapshot ${committed} was committed without a part of ${this.owner.place}`,
    )
    this.base = { snapshot: committed, part: last.part }
    this.last = undefined
    const { merging } = this
    if (merging.state === 'works' && merging.files[0]?.name !== last.part.files[0]?.name)
      this.merging = { state: 'none' }
  }

  private giveBack(): SliceWork | undefined {
    const work = this.last?.giveBack()
    this.last = undefined
    return work
  }
}

type Merging =
  | { readonly state: 'none' }
  | { readonly state: 'works'; readonly files: readonly FileReference[] }
  | { readonly state: 'done'; readonly files: readonly FileReference[]; readonly file: FileReference }

type MergeBegin = Pick<SnapshotBegin, 'generation' | 'incarnation' | 'inlineBytesMax'>

/** What the files of a part may have for what has not changed to be written with the rest: a snapshot writes about so much more. */
const restBytesMax = 1024 * 1024

/** So many snapshots may pass while files are merged. */
const mergeSnapshotsMax = 1_000

interface PartWork {
  readonly content: PartContent
  readonly isFull: boolean
  readonly base: readonly FileReference[]
  readonly number: number
}

/** A part between its cut and the end of its snapshot. */
export class PartInWork {
  readonly snapshot: number
  /** Once it is stored. */
  part: InstanceManifest | undefined
  private readonly owner: PartOwner
  private readonly begin: SnapshotBegin
  private readonly facts: PartFacts
  private readonly work: PartWork
  private readonly ending = new AbortController()

  constructor(owner: PartOwner, begin: SnapshotBegin, facts: PartFacts, work: PartWork) {
    this.owner = owner
    this.begin = begin
    this.facts = facts
    this.work = work
    this.snapshot = begin.snapshot
    // Asked for by `store`, which may have come to its end before.
    if (facts.saved instanceof Promise) facts.saved.catch(() => undefined)
  }

  get isWaiting(): boolean {
    return this.work.content.isWaiting
  }

  get isFull(): boolean {
    return this.work.isFull
  }

  get isGivenBack(): boolean {
    return this.ending.signal.aborted
  }

  step(clock: Clock, budgetMs: number): void {
    this.work.content.step(clock, budgetMs)
  }

  /** Errors: those of the storage, and STATE_NOT_ENCODABLE. */
  async store(storage: () => Promise<SnapshotStorage>, onRoom: () => void): Promise<InstanceManifest> {
    const { facts, owner, work } = this
    // A file without keyed state is begun when it is known that there is something in it.
    const isNothing = owner.keyed === undefined && (await this.saved()).entries.length === 0
    const kept = work.isFull ? [] : work.base
    const files = isNothing ? [] : [...kept, await this.write(storage, kept, onRoom)]
    const { hasChannelState } = await this.saved()
    const { component, instance, instances, keyGroups, stateVersion, states } = owner
    const { isFinished } = facts
    const of = { component, instance, instances, isFinished, hasChannelState }
    this.part = { ...of, keyGroups, stateVersion, states, files }
    return this.part
  }

  /** What is left to do for that, in slices. */
  giveBack(): SliceWork | undefined {
    if (this.isGivenBack) return undefined
    this.ending.abort(new Error('the snapshot has ended'))
    return this.work.content.giveBack()
  }

  /** Errors: the signal's reason, where what belongs to the snapshot may never come. */
  private async saved(): Promise<SavedEntries> {
    const { saved } = this.facts
    if (!(saved instanceof Promise)) return saved
    const { signal } = this.ending
    signal.throwIfAborted()
    const { promise, reject } = Promise.withResolvers<never>()
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([saved, promise])
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  private async write(
    storage: () => Promise<SnapshotStorage>,
    kept: readonly FileReference[],
    onRoom: () => void,
  ): Promise<FileReference> {
    const { network, component, instance } = this.owner
    const { incarnation, generation, snapshot, inlineBytesMax = 0 } = this.begin
    const { isFull, content, number } = this.work
    const kind = isFull ? 'full' : 'increment'
    const of = { network, incarnation, generation, component, instance, kind } as const
    const name = stateFileName({ ...of, until: snapshot, number })
    const state = encodeState(
      of,
      content.chunks(onRoom, () => this.saved()),
    )
    const { signal } = this.ending
    const stored = await putFile(storage, name, state, {
      signal,
      inlineBytesMax: inlineBytesMax - inlineBytes(kept),
    })
    return { name, kind, ...stored, until: snapshot }
  }
}
