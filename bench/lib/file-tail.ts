import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { sleep, systemClock } from '../../src/base/clock.ts'

/** Reads the lines of a file that grows, as its reader sees them. */
export class FileTail {
  private readonly path: string
  private readonly buffer = Buffer.alloc(256 * 1024)
  private at = 0
  private rest = ''

  constructor(path: string) {
    this.path = path
  }

  /** Whole lines that have come since. */
  read(): string[] {
    if (!existsSync(this.path)) return []
    const file = openSync(this.path, 'r')
    try {
      const found: string[] = []
      for (;;) {
        const count = readSync(file, this.buffer, 0, this.buffer.length, this.at)
        if (count === 0) return found
        this.at += count
        const lines = (this.rest + this.buffer.toString('latin1', 0, count)).split('\n')
        this.rest = lines.pop()!
        found.push(...lines)
      }
    } finally {
      closeSync(file)
    }
  }

  /** Looks each millisecond or two, for so long. */
  async follow(forMs: number, see: (line: string) => void): Promise<void> {
    const endMs = systemClock.monotonic() + forMs
    while (systemClock.monotonic() < endMs) {
      for (const line of this.read()) see(line)
      await sleep(systemClock, 1)
    }
  }
}
