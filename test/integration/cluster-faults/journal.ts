import assert from 'node:assert/strict'
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs'
import type { JournalLine } from './journal-lines.ts'

type Line<T extends JournalLine['type']> = Extract<JournalLine, { readonly type: T }>

const head = '{"pid":'

/**
 * Reads what the components of a network have written, and checks it. Reading loses no line, whatever there is: it is done over and
 * over by those who wait for something, and what they catch is forgotten.
 */
export class Journal {
  readonly path: string
  readonly born = new Map<string, Line<'born'>>()
  readonly emits: Line<'emits'>[] = []
  readonly gets: Line<'gets'>[] = []
  private readonly buffer = Buffer.alloc(1024 * 1024)
  /** Lines whose writers were killed in the midst of them. */
  readonly cut: string[] = []
  private readonly cutPids = new Set<number>()
  private readonly faults: string[] = []
  private at = 0
  private rest = ''

  constructor(path: string) {
    this.path = path
    writeFileSync(path, '')
  }

  /** What has been written by now. */
  read(): this {
    const file = openSync(this.path, 'r')
    try {
      for (;;) {
        const count = readSync(file, this.buffer, 0, this.buffer.length, this.at)
        if (count === 0) return this
        this.at += count
        const lines = (this.rest + this.buffer.toString('utf8', 0, count)).split('\n')
        this.rest = lines.pop()!
        for (const line of lines) if (line !== '') this.take(line)
      }
    } finally {
      closeSync(file)
    }
  }

  private take(text: string): void {
    let taken: { readonly pid: number; readonly line: JournalLine }
    try {
      taken = JSON.parse(text) as typeof taken
    } catch {
      this.cut.push(text)
      const pid = /^\{"pid":(\d+),/.exec(text)?.[1]
      if (pid !== undefined) this.cutPids.add(Number(pid))
      else if (!head.startsWith(text.slice(0, head.length))) this.faults.push(`no line begins like ${text}`)
      return
    }
    if (this.cutPids.has(taken.pid))
      this.faults.push(`process ${taken.pid} lives on behind a line that is cut`)
    this.add(taken.line)
  }

  private add(line: JournalLine): void {
    if (line.type === 'born') this.born.set(line.life, line)
    else if (line.type === 'emits') this.emits.push(line)
    else this.gets.push(line)
  }

  /** All ways that messages which sources made after `sinceMs` have come by, to their ends, such as `tick[0] hop[1] end[0]`. */
  pathsSince(sinceMs: number): ReadonlySet<string> {
    const found = new Set<string>()
    for (let i = this.gets.length - 1; i >= 0 && this.gets[i]!.tMs > sinceMs; i--) {
      const { life, message } = this.gets[i]!
      if (message.atMs > sinceMs) found.add([...message.path, this.nameOf(life)].join(' '))
    }
    return found
  }

  /** When the last of all ways was gone for the first time by a message that was made after `sinceMs`. */
  firstOfAllMs(sinceMs: number): number {
    const first = new Map<string, number>()
    for (let i = this.gets.length - 1; i >= 0 && this.gets[i]!.tMs > sinceMs; i--) {
      const { life, message, tMs } = this.gets[i]!
      if (message.atMs > sinceMs) first.set([...message.path, this.nameOf(life)].join(' '), tMs)
    }
    return Math.max(...first.values())
  }

  nameOf(life: string): string {
    const born = this.born.get(life)
    assert.ok(born !== undefined, `${life} was born`)
    return born.name
  }

  /**
   * - Of a channel, numbers come one after the other while both ends live; from 0 where the receiver was there first.
   * - Of one sender's lives, what is taken never goes back to an earlier one; unless one `drains` beside the next.
   * - A line is cut only where its process ended with it.
   */
  checkChannels({ drains = false } = {}): void {
    assert.deepEqual(this.faults, [])
    const last = new Map<string, number>()
    const newest = new Map<string, Line<'born'>>()
    for (const { life, message } of this.gets) {
      const { from, n } = message
      const channel = `${from} -> ${life}`
      const before = last.get(channel)
      const sender = this.born.get(from)!
      if (before !== undefined) assert.equal(n, before + 1, `${channel}: what follows ${before}`)
      else if (sender.tMs > this.born.get(life)!.tMs) assert.equal(n, 0, `${channel} begins at 0`)
      last.set(channel, n)
      const pair = `${sender.name} -> ${life}`
      const known = newest.get(pair)
      if (!drains && known !== undefined && known.life !== from)
        assert.ok(sender.tMs > known.tMs, `${life} goes back to ${from}, after it heard from ${known.life}`)
      newest.set(pair, sender)
    }
    assert.ok(last.size > 0, 'something was sent')
  }

  /**
   * What is missing of what was emitted by `untilMs`: those who live still, and did before `sinceMs`, are to have all of each
   * sender that they have ever heard from and that was there by then, whether that one lives or not; but for those in
   * processes that were `fenced`: what these had under way is lost.
   */
  missing(sinceMs: number, untilMs: number, fenced: ReadonlySet<number> = new Set()): readonly string[] {
    const newest = new Map([...this.born.values()].map(({ name, life }) => [name, life]))
    const emitted = new Map<string, number>()
    const there = new Set<string>()
    for (const { life, n, tMs } of this.emits) {
      if (tMs <= untilMs) emitted.set(life, n)
      if (tMs >= sinceMs && !fenced.has(this.born.get(life)!.pid)) there.add(life)
    }
    const taken = new Map<string, { readonly life: string; readonly from: string; readonly n: number }>()
    for (const { life, message } of this.gets)
      taken.set(`${message.from} -> ${life}`, { life, from: message.from, n: message.n })
    const lives = (life: string): boolean =>
      newest.get(this.nameOf(life)) === life && this.born.get(life)!.tMs < sinceMs
    return [...taken]
      .filter(([, { life, from, n }]) => there.has(from) && lives(life) && n < (emitted.get(from) ?? 0))
      .map(([channel, { from, n }]) => `${channel}: ${n} of ${emitted.get(from)}`)
  }

  /** Of one instance, a life emits only when those before it emit no more. */
  checkOneEmitter(): void {
    const spans = new Map<string, { fromMs: number; toMs: number }>()
    for (const { life, tMs } of this.emits) {
      const span = spans.get(life)
      if (span === undefined) spans.set(life, { fromMs: tMs, toMs: tMs })
      else span.toMs = Math.max(span.toMs, tMs)
    }
    const lastOf = new Map<string, { life: string; toMs: number }>()
    for (const [life, { fromMs, toMs }] of [...spans].toSorted(([, a], [, b]) => a.fromMs - b.fromMs)) {
      const name = this.nameOf(life)
      const before = lastOf.get(name)
      assert.ok(
        before === undefined || before.toMs < fromMs,
        `${life} began to emit while ${before?.life} still did`,
      )
      lastOf.set(name, { life, toMs })
    }
  }
}
