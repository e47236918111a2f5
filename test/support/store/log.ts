import assert from 'node:assert/strict'
import { decodeValue, encodeValue } from '../../../src/store/envelope.ts'
import { put } from '../../../src/store/operations.ts'
import type { Revision, Store, Transaction } from '../../../src/store/store.ts'

/** One write of a holder: who wrote, with which token, as its own how-manieth. */
export interface LogLine {
  readonly by: string
  readonly token: Revision
  readonly number: number
}

/** A write to a key whose watch is the record. No compare of its own: what guards it is the hold alone. */
export function logWrite(key: string, line: LogLine): Transaction {
  return { then: [put(key, encodeValue(line))] }
}

/** Records all lines of a log, from its beginning. */
export class LogRecorder {
  readonly lines: LogLine[] = []
  private readonly key: string
  private readonly watch: ReturnType<Store['watch']>
  private readonly running: Promise<void>
  private seen: Revision = 0
  private onSeen: () => void = () => undefined

  constructor(store: Store, key: string) {
    this.key = key
    this.watch = store.watch(key, { fromRevision: 2, bufferEventsMax: 1_000_000 })
    this.running = this.record()
  }

  /** All lines up to a revision, of which there has to be an event: whatever begins with the key is watched. */
  async until(revision: Revision): Promise<readonly LogLine[]> {
    const isThere = new Promise<void>((resolve) => {
      this.onSeen = () => {
        if (this.seen >= revision) resolve()
      }
    })
    this.onSeen()
    await Promise.race([isThere, this.running])
    return this.lines
  }

  async stop(): Promise<readonly LogLine[]> {
    this.watch.close()
    await this.running
    return this.lines
  }

  private async record(): Promise<void> {
    for await (const { events, revision } of this.watch) {
      for (const { key, entry } of events)
        if (entry !== undefined && key === this.key) this.lines.push(decodeValue(entry) as LogLine)
      this.seen = revision
      this.onSeen()
    }
  }
}

/** No two holders at a time: tokens never go back, a token is that of one holder, and no write is there twice. */
export function checkLog(lines: readonly LogLine[]): void {
  const holderOf = new Map<Revision, string>()
  const lastNumber = new Map<string, number>()
  let lastToken = 0
  for (const { by, token, number } of lines) {
    assert.ok(token >= lastToken, `${by} wrote with token ${token} after one with ${lastToken}`)
    lastToken = token
    const holder = holderOf.get(token) ?? by
    assert.equal(by, holder, `two wrote with token ${token}`)
    holderOf.set(token, holder)
    assert.ok(number > (lastNumber.get(by) ?? 0), `${by} wrote ${number} twice, or too late`)
    lastNumber.set(by, number)
  }
}
