import type { Random } from '../../../../src/base/random.ts'
import type { AcceptLine, Dial, Line, LineHandlers } from '../../../../src/transport/tcp/line.ts'
import type { TestClock } from '../../../../src/testkit/test-clock.ts'

/** What happens to lines, each with a likelihood for a piece of bytes or a new line. */
export interface Faults {
  /** A piece is cut short at any byte, and the line breaks there. */
  readonly cut: number
  /** Nothing passes any more, in both directions, and nobody is told. */
  readonly stall: number
  /** A new line is refused. */
  readonly refuse: number
  /** What a dialler has said first comes again later, on a line of its own. */
  readonly replay: number
  readonly delayMsMax: number
}

export const noFaults: Faults = { cut: 0, stall: 0, refuse: 0, replay: 0, delayMsMax: 5 }

/** Lines in simulated time, to one listener. Bytes come in pieces of any size, after any delay, in order. */
export class SimLines {
  faults: Faults = noFaults
  listener: AcceptLine | undefined
  cuts = 0
  replays = 0
  readonly #clock: TestClock
  readonly #random: Random
  readonly #open = new Set<SimLine>()

  constructor(clock: TestClock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  readonly dial: Dial = (handlers) => {
    const near = new SimLine(this, 'near')
    near.handlers = handlers
    this.later(() => this.#arrive(near))
    return near
  }

  chance(likelihood: number): boolean {
    return this.#random.next() < likelihood
  }

  later(action: () => void): void {
    this.#clock.after(this.#random.int(this.faults.delayMsMax + 1), action)
  }

  below(count: number): number {
    return this.#random.int(count)
  }

  /** Breaks all lines. */
  cutAll(): void {
    for (const line of this.#open) line.break()
  }

  /** Stalled lines stay so: both ends have to notice. */
  stallAll(): void {
    for (const line of this.#open) line.stall()
  }

  forget(line: SimLine): void {
    this.#open.delete(line)
  }

  replay(bytes: Uint8Array): void {
    this.replays++
    this.#clock.after(this.#random.int(2_000), () => {
      const ghost = new SimLine(this, 'ghost')
      ghost.handlers = { opened() {}, bytes() {}, drained() {}, closed() {} }
      this.#arrive(ghost)
      ghost.write([bytes])
    })
  }

  #arrive(near: SimLine): void {
    if (near.isDone) return
    if (this.listener === undefined || this.chance(this.faults.refuse)) {
      near.isDone = true
      near.handlers?.closed(new Error('refused'))
      return
    }
    const far = new SimLine(this, 'far')
    near.other = far
    far.other = near
    this.#open.add(near)
    this.#open.add(far)
    far.handlers = this.listener(far)
    near.handlers?.opened()
  }
}

class SimLine implements Line {
  readonly remote: string
  handlers: LineHandlers | undefined
  other: SimLine | undefined
  isDone = false
  readonly #lines: SimLines
  readonly #queue: Uint8Array[] = []
  #isPassing = false
  #isStalled = false
  #isEnding = false
  #hasSaid = false

  constructor(lines: SimLines, remote: string) {
    this.#lines = lines
    this.remote = remote
  }

  write(parts: readonly Uint8Array[]): boolean {
    if (this.isDone) return true
    for (const part of parts) this.#queue.push(part)
    const { faults } = this.#lines
    if (!this.#hasSaid && this.remote === 'near' && this.#lines.chance(faults.replay)) {
      this.#lines.replay(parts[0]!)
    }
    this.#hasSaid = true
    this.#pass()
    return this.#queue.length < 20
  }

  end(): void {
    this.#isEnding = true
    this.#pass()
  }

  destroy(): void {
    this.#finish()
    const { other } = this
    this.#lines.later(() => other?.ended())
  }

  identityFault(): undefined {
    return undefined
  }

  break(): void {
    const { other } = this
    for (const line of [this, other]) line?.ended(new Error('cut'))
  }

  stall(): void {
    this.#isStalled = true
    if (this.other !== undefined) this.other.#isStalled = true
  }

  ended(error?: Error): void {
    if (this.isDone || this.#isStalled) return
    this.#finish()
    this.handlers?.closed(error)
  }

  #finish(): void {
    this.isDone = true
    this.#queue.length = 0
    this.#lines.forget(this)
  }

  #pass(): void {
    if (this.#isPassing || this.isDone || this.#isStalled) return
    if (this.#queue.length === 0) {
      if (this.#isEnding) this.destroy()
      return
    }
    this.#isPassing = true
    this.#lines.later(() => {
      this.#isPassing = false
      this.#deliver()
    })
  }

  #deliver(): void {
    const { other } = this
    if (this.isDone || this.#isStalled || other === undefined) return
    const lines = this.#lines
    const wasLong = this.#queue.length >= 20
    const count = 1 + lines.below(this.#queue.length)
    const whole = Buffer.concat(this.#queue.splice(0, count))
    const length = lines.chance(0.5) ? whole.length : 1 + lines.below(whole.length)
    if (length < whole.length) this.#queue.unshift(whole.subarray(length))
    if (lines.chance(lines.faults.stall)) this.stall()
    else if (lines.chance(lines.faults.cut)) this.#cutWithin(whole.subarray(0, length), other)
    else other.#receive(whole.subarray(0, length))
    if (wasLong && !this.isDone && this.#queue.length < 20) this.handlers?.drained()
    this.#pass()
  }

  #cutWithin(bytes: Uint8Array, other: SimLine): void {
    this.#lines.cuts++
    other.#receive(bytes.subarray(0, this.#lines.below(bytes.length)))
    this.break()
  }

  #receive(bytes: Uint8Array): void {
    if (!this.isDone && bytes.length > 0) this.handlers?.bytes(bytes)
  }
}
