import type { Clock } from '../../base/clock.ts'
import {
  type EncodedChunk,
  instanceSection,
  type StateChunk,
  type StateEntry,
} from '../../snapshot/state-file.ts'
import type { Capture, StateChunk as CapturedChunk } from '../../state/capture.ts'
import type { KeyedState } from '../../state/keyed-state.ts'
import type { SliceWork } from './slice-work.ts'

/** Bytes that wait to be written; with more, nothing is captured until some are. */
const waitingBytesMax = 4 * 1024 * 1024

/**
 * What one instance writes for one snapshot: made in slices by `step`, taken as fast as the storage takes it by `chunks`.
 */
export class PartContent {
  private readonly capture: Capture | undefined
  private waiting: EncodedChunk[] = []
  private waitingBytes = 0
  private failure: { readonly error: unknown } | undefined
  private isOver = false
  private wake: () => void = () => undefined

  /** Cuts the state: what changes from now on is not part of it. */
  constructor(keyed: KeyedState | undefined, place: string, isFull: boolean) {
    this.capture = keyed?.capture(place, (chunk) => this.add(chunk), isFull)
  }

  /** There is something to do for `step`. */
  get isWaiting(): boolean {
    return this.capture?.isDone === false && !this.isOver && this.waitingBytes < waitingBytesMax
  }

  /** Captures for about `budgetMs`. */
  step(clock: Clock, budgetMs: number): void {
    try {
      this.capture?.step(clock, budgetMs)
    } catch (error) {
      this.failure = { error }
      this.isOver = true
    }
    this.wake()
  }

  /** It will not be part of a committed snapshot: the next one writes what it was to write. */
  giveBack(): SliceWork | undefined {
    this.isOver = true
    const work = this.capture?.giveBack()
    this.waiting = []
    this.wake()
    return work
  }

  /** Once. `onRoom`: `step` may go on. `saved`: what is not keyed comes last. Errors: STATE_NOT_ENCODABLE, those of `saved`. */
  async *chunks(
    onRoom: () => void,
    saved: () => Promise<{ readonly entries: readonly StateEntry[] }>,
  ): AsyncGenerator<StateChunk | EncodedChunk, void, undefined> {
    for (;;) {
      const { waiting } = this
      this.waiting = []
      this.waitingBytes = 0
      yield* waiting
      if (this.failure !== undefined) throw this.failure.error
      if (this.waiting.length > 0) continue
      if (this.isOver || this.capture === undefined || this.capture.isDone) break
      onRoom()
      const { promise, resolve } = Promise.withResolvers<void>()
      this.wake = resolve
      await promise
    }
    const { entries } = await saved()
    if (entries.length > 0) yield { section: instanceSection, entries }
  }

  private add({ group, count, bytes }: CapturedChunk): void {
    this.waitingBytes += bytes.byteLength
    this.waiting.push({ section: group, count, bytes })
  }
}
