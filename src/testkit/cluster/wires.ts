import type { Random } from '../../base/random.ts'
import type { Address } from '../../cluster/protocol/index.ts'
import type { Link } from '../../transport/link.ts'
import type { LineOwner } from './simulated-lines.ts'
import type { SimulatedTime } from './simulated-time.ts'

/** One worker, as its links know it. */
export type WireEnd = LineOwner

export interface WireEvents {
  /** A worker wants a link with another one. */
  asked(from: WireEnd, to: Address): void
}

/** How far frames are on their way at the most, in milliseconds. */
const wayMsMax = 3
const wiresLane = 1

/**
 * What links workers of one process: frames arrive whole and in order while both ends live. When one of them ends without a
 * word, what was on its way arrives up to some point, or not at all.
 */
export class Wires {
  private readonly time: SimulatedTime
  private readonly random: Random
  private readonly events: WireEvents
  private readonly sessions = new Map<string, Session>()

  constructor(time: SimulatedTime, random: Random, events: WireEvents) {
    this.time = time
    this.random = random
    this.events = events
  }

  /** The same link whichever end asks first. */
  link(own: WireEnd, peer: Address): Link {
    const [a, b] = [textOf(own.address), textOf(peer)].toSorted()
    const key = `${a} ${b}`
    let session = this.sessions.get(key)
    if (session === undefined) {
      session = new Session(this.time, this.random)
      this.sessions.set(key, session)
      this.events.asked(own, peer)
    }
    return session.end(textOf(own.address) === a ? 0 : 1, own)
  }

  /** A worker has ended without a word. */
  lose(address: Address): void {
    const text = textOf(address)
    for (const [key, session] of this.sessions) {
      const [a, b] = key.split(' ')
      if (a === text) session.lose(0)
      else if (b === text) session.lose(1)
    }
  }
}

interface Way {
  readonly queue: Uint8Array[]
  isMoving: boolean
  /** Its sender is gone: what its code would go on to send, it does not. */
  isLost: boolean
}

class Session {
  private readonly time: SimulatedTime
  private readonly random: Random
  private readonly ends: [WireEnd | undefined, WireEnd | undefined] = [undefined, undefined]
  private readonly receivers: [Receiver, Receiver] = [newReceiver(), newReceiver()]
  /** By the end that sends. */
  private readonly ways: [Way, Way] = [newWay(), newWay()]

  constructor(time: SimulatedTime, random: Random) {
    this.time = time
    this.random = random
  }

  end(self: 0 | 1, own: WireEnd): Link {
    this.ends[self] = own
    const other = self === 0 ? 1 : 0
    const receiver = this.receivers[self]
    this.move(other)
    return {
      send: (frame) => {
        if (this.ways[self].isLost) return
        this.ways[self].queue.push(new Uint8Array(frame))
        this.move(self)
      },
      receive: (onFrame) => {
        receiver.onFrame = onFrame
        this.move(other)
      },
      // What it has sent before still arrives.
      close: () => {
        receiver.isClosed = true
      },
    }
  }

  lose(self: 0 | 1): void {
    this.receivers[self].isClosed = true
    const way = this.ways[self]
    way.queue.length = this.random.int(way.queue.length + 1)
    way.isLost = true
  }

  private move(from: 0 | 1): void {
    const way = this.ways[from]
    if (way.isMoving || way.queue.length === 0) return
    way.isMoving = true
    this.time.at(this.time.nowMs + this.random.next() * wayMsMax, wiresLane, () => {
      way.isMoving = false
      this.arrive(from)
    })
  }

  private arrive(from: 0 | 1): void {
    const to = from === 0 ? 1 : 0
    const target = this.ends[to]
    const receiver = this.receivers[to]
    const way = this.ways[from]
    if (receiver.isClosed) way.queue.length = 0
    if (target === undefined || receiver.onFrame === undefined) return
    // Some of what waits comes together.
    const frames = way.queue.splice(0, 1 + this.random.int(way.queue.length))
    for (const frame of frames)
      target.clock.soon(() => {
        if (!receiver.isClosed) receiver.onFrame?.(frame)
      })
    this.move(from)
  }
}

interface Receiver {
  onFrame: ((frame: Uint8Array) => void) | undefined
  isClosed: boolean
}

function newReceiver(): Receiver {
  return { onFrame: undefined, isClosed: false }
}

function newWay(): Way {
  return { queue: [], isMoving: false, isLost: false }
}

function textOf({ host, port }: Address): string {
  return `${host}:${port}`
}
