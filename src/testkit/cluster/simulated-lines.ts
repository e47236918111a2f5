import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { Address } from '../../cluster/protocol/index.ts'
import type { AcceptLine, Dial, Line, LineHandlers } from '../../transport/tcp/line.ts'
import type { SimulatedTime } from './simulated-time.ts'

/** Whoever dials, or listens at an address. */
export interface LineOwner {
  readonly address: Address
  /** Of its process: what arrives, it hears when it runs. */
  readonly clock: Clock
  readonly node: string
  readonly isDead: () => boolean
}

export type Verdict = 'answers' | 'refused' | 'unknown'

/** How far bytes are on their way at the most, in milliseconds. */
const wayMsMax = 3
/** How often one who calls and hears nothing calls again, in milliseconds. */
const callAgainMs = 150
/** Written and not taken by the other end's machine, in bytes: a line takes no more. */
const roomBytes = 32 * 1024
/** Part of the pieces that are cut short at any byte; the rest of one comes later. */
const splitPart = 0.3
/** Part of the lines that do not outlive a cut. */
const brokenByCutPart = 0.5
const lane = 1

/**
 * What TCP gives to links: lines of bytes between nodes.
 *
 * - SL-1 What arrives is what was written, in order, up to some byte. Pieces are of any size and come after any delay.
 * - SL-2 While the way between two nodes is cut, nothing arrives and nobody is told. Afterwards a line goes on, or is broken.
 * - SL-3 A line may break at any byte (`breakAll`). Both ends are told, each when it runs.
 * - SL-4 When a process ends, its machine tells the other ends, unless the way there is cut. What it had written arrives up to
 *   some byte.
 * - SL-5 Who calls an address at which nobody listens is refused; who calls over a way that is cut hears nothing.
 */
export class SimulatedLines {
  readonly random: Random
  /** How many have broken. */
  broken = 0
  private readonly time: SimulatedTime
  private readonly listeners = new Map<string, { readonly owner: LineOwner; readonly accept: AcceptLine }>()
  private readonly open = new Set<SimulatedLine>()
  /** `from>to`, by nodes. */
  private readonly cuts = new Set<string>()
  /** `from>to`, by nodes: something between them refuses calls, whoever listens there. */
  private readonly walls = new Set<string>()

  constructor(time: SimulatedTime, random: Random) {
    this.time = time
    this.random = random
  }

  /** Gives what ends it. */
  listen(owner: LineOwner, accept: AcceptLine): () => void {
    const key = textOf(owner.address)
    this.listeners.set(key, { owner, accept })
    return () => {
      if (this.listeners.get(key)?.owner === owner) this.listeners.delete(key)
    }
  }

  dial(from: LineOwner, to: Address): Dial {
    return (handlers) => {
      const line = new SimulatedLine(this, from, textOf(to))
      line.handlers = handlers
      this.open.add(line)
      this.later(() => this.call(line, to))
      return line
    }
  }

  /** Whether somebody listens at an address, as it looks from a node; `msMax`: how long it waits for an answer. */
  probe(from: LineOwner, to: Address, msMax: number): Promise<Verdict> {
    return new Promise((resolve) => {
      let isOver = false
      const done = (verdict: Verdict): void => {
        if (isOver) return
        isOver = true
        cancel()
        resolve(verdict)
      }
      const cancel = from.clock.after(msMax, () => done('unknown'))
      this.later(() => {
        if (this.isDumb(from.node, to.host)) return
        const verdict = this.refuses(from.node, to) ? 'refused' : 'answers'
        this.later(() => from.clock.soon(() => done(verdict)))
      })
    })
  }

  /** Nothing gets from one node to the other. One way only. */
  cut(from: string, to: string): void {
    this.cuts.add(`${from}>${to}`)
  }

  heal(from: string, to: string): void {
    if (!this.cuts.delete(`${from}>${to}`)) return
    for (const line of this.open) {
      if (!line.isBetween(from, to)) continue
      if (line.isPair && this.random.next() < brokenByCutPart) line.break()
      else line.goOn()
    }
  }

  /** Calls from one node to the other are refused although somebody listens: a firewall that lies. */
  wall(from: string, to: string): void {
    this.walls.add(`${from}>${to}`)
  }

  unwall(from: string, to: string): void {
    this.walls.delete(`${from}>${to}`)
  }

  isCut(from: string, to: string): boolean {
    return from !== to && this.cuts.has(`${from}>${to}`)
  }

  /** All lines between two nodes break, wherever their bytes are. */
  breakAll(one: string, other: string): void {
    for (const line of this.open) if (line.isBetween(one, other)) line.break()
  }

  /** The process, or the thread, at an address has ended without a word. */
  lose(address: Address): void {
    const key = textOf(address)
    this.listeners.delete(key)
    for (const line of this.open) if (textOf(line.owner.address) === key) line.lost()
  }

  later(action: () => void): void {
    this.time.at(this.time.nowMs + this.random.next() * wayMsMax, lane, action)
  }

  forget(line: SimulatedLine): void {
    this.open.delete(line)
  }

  /** No call gets an answer: one of both ways is cut. */
  private isDumb(from: string, to: string): boolean {
    return this.isCut(from, to) || this.isCut(to, from)
  }

  private refuses(from: string, to: Address): boolean {
    const listener = this.listeners.get(textOf(to))
    return listener === undefined || listener.owner.isDead() || this.walls.has(`${from}>${to.host}`)
  }

  private call(near: SimulatedLine, to: Address): void {
    if (near.isOver || near.owner.isDead()) return
    if (this.isDumb(near.owner.node, to.host)) {
      this.time.at(this.time.nowMs + callAgainMs, lane, () => this.call(near, to))
      return
    }
    if (this.refuses(near.owner.node, to)) {
      near.closed(new Error('nobody listens there'))
      return
    }
    const { owner, accept } = this.listeners.get(textOf(to))!
    const far = new SimulatedLine(this, owner, `${near.owner.node}, from outside`)
    near.other = far
    far.other = near
    this.open.add(far)
    // The machine answers, also for a process that stands still.
    owner.clock.soon(() => {
      if (!far.isOver) far.handlers = accept(far)
    })
    this.later(() => near.hear(() => near.handlers?.opened()))
  }
}

/** One end of a line of bytes. */
class SimulatedLine implements Line {
  readonly remote: string
  readonly owner: LineOwner
  handlers: LineHandlers | undefined
  other: SimulatedLine | undefined
  /** It is closed, by this end or to it. */
  isOver = false
  private readonly lines: SimulatedLines
  private queue: Uint8Array[] = []
  private queuedBytes = 0
  private isMoving = false
  private isEnding = false
  private isFull = false
  /** What it is told when the way to it is no longer cut. */
  private onceFree: (() => void) | undefined

  constructor(lines: SimulatedLines, owner: LineOwner, remote: string) {
    this.lines = lines
    this.owner = owner
    this.remote = remote
  }

  get isPair(): boolean {
    return this.other !== undefined
  }

  isBetween(one: string, other: string): boolean {
    const [own, far] = [this.owner.node, this.other?.owner.node]
    return (own === one && far === other) || (own === other && far === one)
  }

  write(parts: readonly Uint8Array[]): boolean {
    if (this.isOver || this.isEnding) return true
    for (const part of parts) {
      this.queue.push(part)
      this.queuedBytes += part.length
    }
    this.isFull = this.queuedBytes >= roomBytes
    this.goOn()
    return !this.isFull
  }

  end(): void {
    this.isEnding = true
    this.goOn()
  }

  destroy(): void {
    if (this.isOver) return
    this.finish()
    const { other } = this
    if (other !== undefined) this.tellOther(other, undefined)
  }

  identityFault(): undefined {
    return undefined
  }

  /** Handed to the process when it runs, in order. */
  hear(what: () => void): void {
    this.owner.clock.soon(() => {
      if (!this.isOver) what()
    })
  }

  closed(error: Error | undefined): void {
    this.lines.forget(this)
    this.hear(() => {
      this.finish()
      this.handlers?.closed(error)
    })
  }

  /** SL-3 */
  break(): void {
    this.lines.broken++
    for (const line of [this, this.other]) {
      if (line === undefined) continue
      line.other?.passUpToSomeByte(line)
      line.closed(new Error('the line was reset'))
    }
  }

  /** SL-4 */
  lost(): void {
    const { other } = this
    if (other !== undefined) this.passUpToSomeByte(other)
    this.finish()
    if (other !== undefined) this.tellOther(other, new Error('the line was reset'))
  }

  goOn(): void {
    this.onceFree?.()
    if (this.isMoving || this.other === undefined) return
    if (this.queue.length === 0 && !this.isEnding) return
    this.isMoving = true
    this.lines.later(() => {
      this.isMoving = false
      this.move()
    })
  }

  private move(): void {
    const { other, lines } = this
    if (this.isOver || other === undefined || lines.isCut(this.owner.node, other.owner.node)) return
    if (this.queue.length === 0) {
      if (this.isEnding) this.destroy()
      return
    }
    const whole = joined(this.queue, this.queuedBytes)
    const isSplit = lines.random.next() < splitPart
    const length = isSplit ? 1 + lines.random.int(whole.length) : whole.length
    this.queue = length < whole.length ? [whole.subarray(length)] : []
    this.queuedBytes = whole.length - length
    pass(other, whole.subarray(0, length))
    if (this.isFull && this.queuedBytes < roomBytes) {
      this.isFull = false
      this.hear(() => this.handlers?.drained())
    }
    this.goOn()
  }

  private passUpToSomeByte(other: SimulatedLine): void {
    if (this.queuedBytes === 0 || this.lines.isCut(this.owner.node, other.owner.node)) return
    const bytes = joined(this.queue, this.queuedBytes).subarray(
      0,
      this.lines.random.int(this.queuedBytes + 1),
    )
    if (bytes.length > 0) pass(other, bytes)
  }

  /** It learns of the end when the way is free, and no sooner than of what was written before. */
  private tellOther(other: SimulatedLine, error: Error | undefined): void {
    const { lines } = this
    const tell = (): void => {
      other.onceFree = undefined
      if (other.isOver) return
      if (lines.isCut(this.owner.node, other.owner.node)) other.onceFree = tell
      else other.closed(error)
    }
    lines.later(tell)
  }

  private finish(): void {
    this.isOver = true
    this.queue = []
    this.queuedBytes = 0
    this.lines.forget(this)
  }
}

function pass(to: SimulatedLine, bytes: Uint8Array): void {
  to.hear(() => to.handlers?.bytes(bytes))
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function textOf({ host, port }: Address): string {
  return `${host}:${port}`
}
