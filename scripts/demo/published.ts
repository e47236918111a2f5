import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs'
import type { Counts } from './plain-count.ts'

const lineEnd = 10
const chunkBytes = 1024 * 1024

/** What the network has published: a file that grows with each committed snapshot, and never shrinks. */
export class Published {
  /** Lines that were there at the last look: one for each word that was counted. */
  lines = 0
  private readonly file: string
  private readonly chunk = Buffer.alloc(chunkBytes)
  private at = 0

  constructor(file: string) {
    this.file = file
  }

  look(): number {
    if (!existsSync(this.file)) return this.lines
    const file = openSync(this.file, 'r')
    try {
      for (;;) {
        const count = readSync(file, this.chunk, 0, chunkBytes, this.at)
        if (count === 0) return this.lines
        for (let at = 0; at < count; at++) if (this.chunk[at] === lineEnd) this.lines++
        this.at += count
      }
    } finally {
      closeSync(file)
    }
  }

  /** Of each word the highest count; and what speaks against its having been counted 1, 2, 3 and so on, each once. */
  read(): { readonly counts: Counts; readonly faults: readonly string[] } {
    const counts = new Map<string, number>()
    const faults: string[] = []
    const text = existsSync(this.file) ? readFileSync(this.file, 'utf8') : ''
    for (const line of text.split('\n')) {
      if (line === '') continue
      const { word, count } = JSON.parse(line) as { readonly word: string; readonly count: number }
      const before = counts.get(word) ?? 0
      if (count !== before + 1) faults.push(`"${word}": ${count} was published behind ${before}`)
      counts.set(word, Math.max(before, count))
    }
    return { counts, faults }
  }
}
