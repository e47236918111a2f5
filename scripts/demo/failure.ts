import type { NetworkStatus } from 'vertigo-flow/cluster'
import { listed } from './screen.ts'
import { nameOf } from './look.ts'
import type { Node } from './nodes.ts'

/** What became of the end of a node: when, in milliseconds since it was killed. */
export class Failure {
  readonly node: Node
  /** The instances that ran on it. */
  readonly lost: readonly string[]
  noticedMs: number | undefined
  /** The snapshot that everything goes on from. */
  snapshot: number | undefined
  /** All that it ran has a place on another node, and may send. */
  redeployedMs: number | undefined
  /** More is published than before. */
  publishedMs: number | undefined
  private readonly published: number
  private readonly say: (text: string) => void
  private readonly startMs = performance.now()

  /** `published`: lines, when it was killed. */
  constructor(node: Node, lost: readonly string[], published: number, say: (text: string) => void) {
    this.node = node
    this.lost = lost
    this.published = published
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

  /** What the manager says that it does. */
  decided(text: string): void {
    const snapshot = /from snapshot (\d+)/.exec(text)?.[1]
    if (snapshot === undefined || this.snapshot !== undefined) return
    this.snapshot = Number(snapshot)
    this.say(`  + ${this.elapsedMs} ms: everything goes back to snapshot ${snapshot}, the source as well`)
  }

  see(status: NetworkStatus, published: number): void {
    if (this.redeployedMs === undefined) this.seeMoved(status)
    if (this.publishedMs !== undefined || this.redeployedMs === undefined) return
    // What was committed before it was killed may be published after that.
    if (published <= this.published) return
    this.publishedMs = this.elapsedMs
    this.say(`  + ${this.publishedMs} ms: more counts are published`)
  }

  private seeMoved(status: NetworkStatus): void {
    const moved = status.instances.filter(
      (one) => this.lost.includes(nameOf(one)) && one.node !== this.node.id,
    )
    const run = moved.every(({ state }) => state === 'running' || state === 'finished')
    if (moved.length < this.lost.length || !run) return
    this.redeployedMs = this.elapsedMs
    const where = moved.map((one) => `${nameOf(one)} on ${one.node}`)
    this.say(`  + ${this.redeployedMs} ms: the manager has them run elsewhere: ${listed(where)}`)
  }
}
