import { VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { TrackFailure } from '../../component/tracking.ts'
import type { Peer } from '../../messaging/remote.ts'
import { TokenSource, type Track, type Tracks, type TrackSink, tracksOf } from '../../messaging/tracks.ts'
import { trackEntryNumbers } from '../../wire/frame.ts'
import {
  isNewsEncodable,
  reportEntriesMax,
  reportNumbers,
  type TrackFrame,
  trackHopsMax,
} from '../../wire/track-frames.ts'
import type { Answer } from './tracker.ts'

/** Who keeps trees: a source of this worker. */
export interface TreeOwner {
  report(index: number, stamp: number, a: number, b: number): void
  /** `cut`: the last snapshot that who failed had taken the cut of. */
  fail(index: number, stamp: number, failure: TrackFailure, cut: number): void
  answer(index: number, stamp: number, answer: Answer): void
}

type News =
  | { readonly type: 'fail'; readonly failure: TrackFailure; readonly cut: number }
  /** With a part of the token, so that the tree is not complete before it has come. */
  | { readonly type: 'answer'; readonly answer: Answer; readonly a: number; readonly b: number }

export interface WorkerTrackingMeans {
  readonly worker: number
  readonly random: Random
  readonly peer: (worker: number) => Pick<Peer, 'sendTrack'> | undefined
  /** `flush` is to be called when the slice is over. */
  readonly requestFlush: () => void
}

/** A tree's number: an index of 20 bits, its owner's number of 10, and whether its source wants answers. */
const indexBits = 20
const indexMask = (1 << indexBits) - 1
const ownerBits = 10
const ownerMask = (1 << ownerBits) - 1
const answersBit = 1 << (indexBits + ownerBits)

/**
 * What a worker has to do with tracked messages: it brings what comes back of them to the sources that track them, in this
 * worker or in others.
 *
 * - WT-1 Within the worker, a part that comes back is a call. To another worker, the parts of a slice go as one frame.
 * - WT-2 A worker that has no link to the source's sends to the one that the tree's messages came from first. What would go
 *   round in circles (the network has a cycle, and a worker is gone) is dropped, and the way is learned anew (TK-3).
 */
export class WorkerTracking implements TrackSink {
  private readonly means: WorkerTrackingMeans
  private drawn: TokenSource | undefined
  private readonly owners: (TreeOwner | undefined)[] = []
  private readonly waiting = new Map<number, Int32Array>()
  private readonly used = new Map<number, number>()
  /** By worker of a source: which peer its messages come from. */
  private readonly ways = new Map<number, number>()
  private isFlushDue = false

  constructor(means: WorkerTrackingMeans) {
    this.means = means
  }

  /** Made when it is needed: a network that does not track draws nothing. */
  get tokens(): TokenSource {
    this.drawn ??= new TokenSource(this.means.random)
    return this.drawn
  }

  get worker(): number {
    return this.means.worker
  }

  /** Gives the owner's number. */
  add(owner: TreeOwner): number {
    let number = this.owners.indexOf(undefined)
    if (number < 0) number = this.owners.length
    this.owners[number] = owner
    return number
  }

  remove(number: number): void {
    this.owners[number] = undefined
  }

  /** TK-1. */
  report(worker: number, tree: number, stamp: number, a: number, b: number): void {
    if (worker !== this.means.worker) this.wait(worker, tree, stamp, a, b)
    else this.ownerOf(tree)?.report(tree & indexMask, stamp, a, b)
  }

  /** `cut`: see `TreeOwner`. */
  fail({ worker, tree, stamp }: TreeAddress, failure: TrackFailure, cut: number): void {
    this.tell(worker, tree, stamp, { type: 'fail', failure, cut })
  }

  wantsAnswers({ tree }: Track): boolean {
    return (tree & answersBit) !== 0
  }

  /** Of one that `wantsAnswers`. `cut`: see `Answer`. Errors: MESSAGE_NOT_ENCODABLE. */
  answer(track: Track, value: unknown, cut: number): void {
    const { worker, tree, stamp } = track
    if (worker !== this.means.worker && !isNewsEncodable(value))
      throw new VertigoError('MESSAGE_NOT_ENCODABLE', 'an answer cannot leave its thread')
    const { a, b } = track.give()
    this.tell(worker, tree, stamp, { type: 'answer', answer: { value, cut }, a, b })
  }

  /** A parcel from a peer holds messages of these trees (WT-2). */
  learn(peer: number, entries: Int32Array, count: number): Tracks {
    let last = this.means.worker
    for (let at = 1; at < entries.length; at += trackEntryNumbers) {
      const worker = entries[at]!
      if (worker === last) continue
      last = worker
      const known = this.ways.get(worker)
      if (known === undefined || this.means.peer(known) === undefined) this.ways.set(worker, peer)
    }
    return tracksOf(entries, count, this.tokens)
  }

  received(frame: TrackFrame): void {
    const { worker } = frame
    if (worker !== this.means.worker) {
      this.passOn(frame)
      return
    }
    if (frame.type === 'tree-news') {
      this.take(frame.tree, frame.stamp, frame.news as News)
      return
    }
    const { entries } = frame
    for (let at = 0; at < entries.length; at += reportNumbers)
      this.report(worker, entries[at]!, entries[at + 1]!, entries[at + 2]!, entries[at + 3]!)
  }

  /** At the end of a slice. */
  flush(): void {
    if (!this.isFlushDue) return
    this.isFlushDue = false
    for (const [worker, entries] of this.waiting) {
      const used = this.used.get(worker)!
      if (used === 0) continue
      this.used.set(worker, 0)
      this.send({ type: 'track-reports', worker, hops: trackHopsMax, entries: entries.subarray(0, used) })
    }
  }

  /** Of workers that are in the plan no more, nothing is kept. */
  keepOnly(isAlive: (worker: number) => boolean): void {
    for (const worker of this.waiting.keys()) {
      if (isAlive(worker)) continue
      this.waiting.delete(worker)
      this.used.delete(worker)
    }
    for (const [worker, way] of this.ways) if (!isAlive(worker) || !isAlive(way)) this.ways.delete(worker)
  }

  private ownerOf(tree: number): TreeOwner | undefined {
    return this.owners[(tree >>> indexBits) & ownerMask]
  }

  private wait(worker: number, tree: number, stamp: number, a: number, b: number): void {
    let entries = this.waiting.get(worker)
    if (entries === undefined) {
      entries = new Int32Array(reportEntriesMax * reportNumbers)
      this.waiting.set(worker, entries)
      this.used.set(worker, 0)
    }
    let at = this.used.get(worker)!
    if (at === entries.length) {
      this.flush()
      at = 0
    }
    entries[at] = tree
    entries[at + 1] = stamp
    entries[at + 2] = a
    entries[at + 3] = b
    this.used.set(worker, at + reportNumbers)
    if (this.isFlushDue) return
    this.isFlushDue = true
    this.means.requestFlush()
  }

  private tell(worker: number, tree: number, stamp: number, news: News): void {
    if (worker === this.means.worker) this.take(tree, stamp, news)
    else this.send({ type: 'tree-news', worker, hops: trackHopsMax, tree, stamp, news })
  }

  private take(tree: number, stamp: number, news: News): void {
    const owner = this.ownerOf(tree)
    const index = tree & indexMask
    if (news.type === 'fail') owner?.fail(index, stamp, news.failure, news.cut)
    else if (news.type === 'answer') {
      owner?.answer(index, stamp, news.answer)
      owner?.report(index, stamp, news.a, news.b)
    }
  }

  private passOn(frame: TrackFrame): void {
    const hops = frame.hops - 1
    if (hops > 0) this.send({ ...frame, hops })
    else this.ways.delete(frame.worker)
  }

  private send(frame: TrackFrame): void {
    const { peer } = this.means
    const direct = peer(frame.worker)
    const way = this.ways.get(frame.worker)
    const to = direct ?? (way === undefined ? undefined : peer(way))
    to?.sendTrack(frame)
  }
}

export interface TreeAddress {
  readonly worker: number
  readonly tree: number
  readonly stamp: number
}

/** What messages of a tree carry as its number. */
export function treeNumber(owner: number, index: number, wantsAnswers: boolean): number {
  return (wantsAnswers ? answersBit : 0) | (owner << indexBits) | index
}
