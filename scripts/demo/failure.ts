import { count, listed } from './screen.ts'
import { type CountedStatus, nameOf } from './look.ts'
import type { Node } from './nodes.ts'

/** What became of the end of a node: when, in milliseconds since it was killed. */
export class Failure {
  readonly node: Node
  /** The instances that ran on it. */
  readonly lost: readonly string[]
  noticedMs: number | undefined
  /** All that it ran has a place on another node, and may send. */
  redeployedMs: number | undefined
  /** All of that has sent something. */
  emittedMs: number | undefined
  private readonly say: (text: string) => void
  private readonly startMs = performance.now()

  constructor(node: Node, lost: readonly string[], say: (text: string) => void) {
    this.node = node
    this.lost = lost
    this.say = say
  }

  get elapsedMs(): number {
    return Math.round(performance.now() - this.startMs)
  }

  /** A node has found that this one is no more. */
  noticed(by: Node): void {
    if (this.noticedMs !== undefined) return
    this.noticedMs = this.elapsedMs
    this.say(`  + ${this.noticedMs} ms: ${by.id} has noticed`)
  }

  see(status: CountedStatus): void {
    if (this.emittedMs !== undefined) return
    const moved = status.instances.filter(
      (one) => this.lost.includes(nameOf(one)) && one.node !== this.node.id,
    )
    if (moved.length < this.lost.length) return
    if (
      this.redeployedMs === undefined &&
      moved.every(({ state }) => state === 'running' || state === 'finished')
    ) {
      this.redeployedMs = this.elapsedMs
      const where = moved.map((one) => `${nameOf(one)} on ${one.node}`)
      this.say(`  + ${this.redeployedMs} ms: the manager has them run elsewhere: ${listed(where)}`)
    }
    if (moved.every(({ counters }) => (counters?.sent ?? 0) > 0)) {
      this.emittedMs = this.elapsedMs
      this.say(`  + ${this.emittedMs} ms: ${count(moved.length, 'instance')} there send words again`)
    }
  }
}
