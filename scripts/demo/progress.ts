import type { NetworkStatus } from 'vertigo-flow/cluster'
import { nameOf } from './look.ts'
import type { Nodes } from './nodes.ts'
import { number, type Screen } from './screen.ts'

const barWidth = 40
/** The rate is that of the last so many milliseconds. */
const rateMs = 1500
const plainLineMs = 1000

/** How far the count is, by what is published: a picture of the cluster on a terminal, a line each second elsewhere. */
export class Progress {
  words = 0
  private readonly expected: number
  private readonly nodes: Nodes
  private readonly screen: Screen
  private readonly seen: { readonly atMs: number; readonly words: number }[] = []
  private saidMs = 0

  constructor(expected: number, nodes: Nodes, screen: Screen) {
    this.expected = expected
    this.nodes = nodes
    this.screen = screen
  }

  /** `words`: that are published. */
  see(status: NetworkStatus, words: number): void {
    const nowMs = performance.now()
    this.words = words
    this.seen.push({ atMs: nowMs, words: this.words })
    while (this.seen.length > 2 && this.seen[1]!.atMs < nowMs - rateMs) this.seen.shift()
    if (this.screen.isLive) this.screen.show(this.picture(status))
    else if (nowMs - this.saidMs >= plainLineMs && status.state !== 'finished') {
      this.saidMs = nowMs
      this.screen.say(`  ${this.text(status)}`)
    }
  }

  private picture(status: NetworkStatus): string[] {
    const share = this.expected === 0 ? 1 : this.words / this.expected
    const full = Math.round(Math.min(1, share) * barWidth)
    const nodes = this.nodes.all.map(({ id, isManager, isKilled }) => {
      const here = isKilled ? [] : status.instances.filter(({ node }) => node === id)
      const role = isKilled ? 'killed' : isManager ? 'manager' : ''
      return `  ${id}  ${role.padEnd(7)}  ${here.map(nameOf).join(' ')}`
    })
    return ['', ...nodes, `  [${'#'.repeat(full).padEnd(barWidth, '.')}] ${this.text(status)}`]
  }

  private text({ state }: NetworkStatus): string {
    const [first, last] = [this.seen[0]!, this.seen.at(-1)!]
    const ms = last.atMs - first.atMs
    const rate = ms === 0 ? 0 : ((last.words - first.words) * 1000) / ms
    return `${number(this.words)} of ${number(this.expected)} words published, ${number(rate)} a second, ${state}`
  }
}
