import { closeSync, openSync, readSync, writeFileSync } from 'node:fs'

/** What the components of `networks/keyed-flow.ts` write down, a line for each. Times are those of the machine's clock. */
export type FlowLine =
  /** An instance was set up: its state is there. */
  | { readonly type: 'born'; readonly name: string; readonly tMs: number }
  /** A source has sent every key once. */
  | { readonly type: 'filled'; readonly name: string; readonly tMs: number }
  /** The first message of an instance's life. */
  | { readonly type: 'first'; readonly name: string; readonly tMs: number }
  /** Of all messages that came since `sinceMs`, how old they were: tenths of a millisecond, and how many. */
  | {
      readonly type: 'ages'
      readonly name: string
      readonly tMs: number
      readonly sinceMs: number
      readonly ages: readonly (readonly [number, number])[]
    }

/** Reads them as they come. A line whose writer was killed in the midst of it is left out. */
export class FlowLines {
  readonly path: string
  readonly all: FlowLine[] = []
  private readonly buffer = Buffer.alloc(1024 * 1024)
  private at = 0
  private rest = ''

  constructor(path: string) {
    this.path = path
    writeFileSync(path, '')
  }

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

  /** Of one type, behind a moment. */
  since<T extends FlowLine['type']>(type: T, sinceMs: number): Extract<FlowLine, { type: T }>[] {
    return this.all.filter(
      (line): line is Extract<FlowLine, { type: T }> => line.type === type && line.tMs > sinceMs,
    )
  }

  private take(text: string): void {
    try {
      this.all.push(JSON.parse(text) as FlowLine)
    } catch {
      // Of a process that was killed.
    }
  }
}
