import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../../src/base/random.ts'
import { defaultChannelLimits } from '../../../src/messaging/limits.ts'
import { OutputChannel } from '../../../src/messaging/output-channel.ts'
import type { Parcel } from '../../../src/messaging/parcel.ts'
import {
  Lender,
  nowhere,
  TokenSource,
  TrackRun,
  type Tracks,
  type TrackSink,
} from '../../../src/messaging/tracks.ts'
import type { Call } from '../../../src/worker/call.ts'
import {
  type LoopProgress,
  makeRunLoop,
  makeTrackedLoop,
  type RunLoop,
} from '../../../src/worker/message-loop.ts'
import { neverAsked } from '../../../src/worker/turn-pace.ts'

/**
 * TK-1: whatever handlers send, what is on its way and what has come back makes up each tree's token. The loops are those of
 * components; what handlers do is drawn.
 */

interface Sent {
  readonly tree: number
}

const worker = 3
const limits = { ...defaultChannelLimits, parcelMessagesMax: 4 }
const owner = {
  channelDirty: () => undefined,
  channelBlocked: () => undefined,
  channelUnblocked: () => undefined,
  countEmitted: () => undefined,
}
const outbox = { interrupted: false, nextCall: () => true }
/** Not tracked. */
const none = 0

/** Checks what leaves, and adds up the parts of each tree. */
class World implements TrackSink {
  readonly tokens: TokenSource
  readonly channel: OutputChannel
  readonly lender = new Lender()
  readonly run = new TrackRun()
  private readonly sums = new Map<number, { a: number; b: number }>()

  constructor(seed: number) {
    this.tokens = new TokenSource(seededRandom(seed))
    const deliver = (parcel: Parcel): number => {
      this.delivered(parcel)
      return 0
    }
    this.channel = new OutputChannel(1, owner, { eager: true, deliver }, limits, undefined)
  }

  report(from: number, tree: number, stamp: number, a: number, b: number): void {
    assert.deepEqual([from, stamp], [worker, -tree])
    const sum = this.sums.get(tree) ?? { a: 0, b: 0 }
    this.sums.set(tree, { a: sum.a ^ a, b: sum.b ^ b })
  }

  /** A parcel of trees of their own; `none` for some. */
  trees(first: number, kinds: readonly boolean[]): { items: Sent[]; tracks: Tracks } {
    const items = kinds.map((isTracked, at) => ({ tree: isTracked ? first + at : none }))
    const tracks = items.map(({ tree }) =>
      tree === none ? undefined : this.tokens.track(worker, tree, -tree, tree, ~tree),
    )
    return { items, tracks }
  }

  checkAll(items: readonly Sent[]): void {
    for (const { tree } of items) if (tree !== none) this.check(tree)
  }

  private check(tree: number): void {
    assert.deepEqual(this.sums.get(tree), { a: tree, b: ~tree }, `of tree ${tree}`)
  }

  private delivered({ items, tracks, control }: Parcel): void {
    const all = control === null ? items : [...items, (control as unknown as { args: Sent }).args]
    if (tracks === null) assert.ok(all.every((sent) => (sent as Sent).tree === none))
    all.forEach((sent, at) => {
      const track = tracks?.[at]
      assert.equal(
        track?.tree ?? none,
        (sent as Sent).tree,
        'each message is in the tree that it was derived from',
      )
      track?.settle(this)
    })
    assert.equal(tracks?.length ?? items.length + 1, items.length + 1)
  }
}

type Handler = (sent: Sent) => unknown

/** As `ComponentInstance` does it, where a run may be: loops over the parcel until it is done. */
function handleInRun(world: World, items: readonly Sent[], tracks: Tracks, handler: Handler): void {
  const loop = makeRunLoop(false, true)
  for (let at = 0; at < items.length;) {
    const progress: LoopProgress = { at, result: undefined, yieldAsked: neverAsked }
    world.run.begin(tracks, world.channel)
    runLoop(loop, world, items, tracks, handler, progress)
    if (progress.result !== undefined) {
      world.run.leave(world.lender)
      world.run.close()
      world.lender.settleTrack(world)
    } else world.run.close()
    at = progress.at
  }
}

function runLoop(
  loop: RunLoop,
  world: World,
  items: readonly Sent[],
  tracks: Tracks,
  handler: Handler,
  progress: LoopProgress,
): void {
  const { run, channel, lender } = world
  const call = lender as Call
  const invoke = (message: unknown): unknown => handler(message as Sent)
  loop(items, progress.at, items.length, invoke, call, outbox as never, progress, tracks, world, run, channel)
}

test('TK-1: what handlers of a run send makes up the tokens, whatever they do', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const world = new World(seed)
    const { channel, run, lender } = world
    const random = seededRandom(seed)
    const all: Sent[] = []
    for (let parcel = 0; parcel < 6; parcel++) {
      const kinds = Array.from({ length: 1 + random.int(6) }, () => random.int(4) > 0)
      const { items, tracks } = world.trees(1_000 * (parcel + 1), kinds)
      all.push(...items)
      handleInRun(world, items, tracks, (sent) => {
        for (let left = random.int(3) === 0 ? random.int(9) : 1; left > 0; left--) channel.append(sent)
        if (random.int(5) > 0) return undefined
        // A group, or a promise: it is no part of the run any more.
        run.leave(lender)
        const from = lender.track === null ? null : lender
        for (let left = random.int(6); left > 0; left--) {
          if (random.int(3) === 0) channel.control(0, { type: 'batch-start', args: sent }, from)
          else channel.appendIn(0, sent, from)
        }
        return random.int(2) === 0 ? Promise.resolve() : undefined
      })
      if (random.int(2) === 0) channel.flush(null)
    }
    channel.flush(null)
    world.checkAll(all)
  }
})

test('TK-1: so does what handlers send to several channels', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const world = new World(seed)
    const other = new World(seed)
    const random = seededRandom(seed)
    const { lender } = world
    const { items, tracks } = world.trees(
      1_000,
      Array.from({ length: 40 }, () => random.int(4) > 0),
    )
    // What the other one delivers is reported here.
    other.report = (...part) => world.report(...part)
    const progress = { at: 0, result: undefined, yieldAsked: neverAsked }
    const send = (message: unknown): undefined => {
      const from = lender.track === null ? null : lender
      for (let left = random.int(4); left > 0; left--)
        (random.int(2) === 0 ? world : other).channel.appendIn(0, message, from)
      return undefined
    }
    makeTrackedLoop(false)(items, 0, 40, send, lender as Call, outbox as never, progress, tracks, world)
    world.channel.flush(null)
    other.channel.flush(null)
    world.checkAll(items)
  }
})

test('TK-4: a channel without tracked messages sends no tracks, also where it is in a run', () => {
  const world = new World(1)
  const { items, tracks } = world.trees(1, [false, false])
  let parcels = 0
  world.channel.attach(
    1,
    { eager: true, deliver: (parcel) => assert.equal(parcel.tracks, null, String(parcels++)) ?? 0 },
    [],
  )
  handleInRun(world, items, tracks, (sent) => world.channel.append(sent))
  world.channel.flush(null)
  assert.equal(parcels, 1)
})

test('who sends nowhere leaves all to whoever settles it, until it does something else', () => {
  const world = new World(1)
  const { items, tracks } = world.trees(1, [true, true, true])
  const { run, lender } = world
  const progress = { at: 0, result: undefined, yieldAsked: neverAsked }
  run.begin(tracks, nowhere)
  const handler = (message: unknown): undefined => {
    if (message === items[1]) run.leave(lender)
  }
  makeRunLoop(false, false)(
    items,
    0,
    3,
    handler,
    lender as Call,
    outbox as never,
    progress,
    tracks,
    world,
    run,
    nowhere,
  )
  assert.deepEqual([progress.at, run.hasLeft, lender.track], [2, true, tracks[1]])
})
