import type { Random } from '../../../src/base/random.ts'
import type { TestClock } from '../../../src/testkit/index.ts'
import type { Link } from '../../../src/transport/link.ts'

/** Links between workers of one thread: ordered, each frame with a delay of its own, cut when a worker dies. */
export class SimLinks {
  readonly #clock: TestClock
  readonly #chance: Random
  readonly #ends = new Map<string, End>()

  constructor(clock: TestClock, chance: Random) {
    this.#clock = clock
    this.#chance = chance
  }

  /** The end that `worker` has of its link to `peer`. `onSend` sees each frame. */
  end(worker: number, peer: number, onSend: (frame: Uint8Array) => void): Link {
    const here = this.#end(worker, peer)
    const there = this.#end(peer, worker)
    return {
      send: (frame) => {
        onSend(frame)
        const copy = new Uint8Array(frame)
        here.arrivesMs = Math.max(here.arrivesMs, this.#clock.now() + this.#chance.int(6))
        this.#clock.after(here.arrivesMs - this.#clock.now(), () => there.arrive(copy))
      },
      receive: (onFrame) => here.receive(onFrame),
      close: () => undefined,
    }
  }

  cut(worker: number): void {
    for (const [name, end] of this.#ends) if (name.split(' ').includes(String(worker))) end.isCut = true
  }

  #end(worker: number, peer: number): End {
    const name = `${worker} ${peer}`
    let end = this.#ends.get(name)
    if (end === undefined) this.#ends.set(name, (end = new End()))
    return end
  }
}

class End {
  isCut = false
  arrivesMs = 0
  #receiver: ((frame: Uint8Array) => void) | undefined
  #early: Uint8Array[] = []

  receive(onFrame: (frame: Uint8Array) => void): void {
    this.#receiver = onFrame
    for (const frame of this.#early.splice(0)) onFrame(frame)
  }

  arrive(frame: Uint8Array): void {
    if (this.isCut) return
    if (this.#receiver === undefined) this.#early.push(frame)
    else this.#receiver(frame)
  }
}
