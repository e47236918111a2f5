import assert from 'node:assert/strict'
import type { ClientPortLine, ClientPortReport } from '../../../src/component/client-port.ts'
import {
  CommittedOutput,
  type StagedOutput,
  type Untaken,
} from '../../../src/connectors/client/committed-output.ts'
import { TestClock } from '../../../src/testkit/test-clock.ts'

export const readersMs = 10_000

export type Piece = { readonly id: number; readonly staged: StagedOutput }

/** An exported output that gives what is committed, and the line to its node. */
export class Port {
  readonly clock: TestClock
  readonly output: CommittedOutput
  readonly told: ClientPortReport[] = []
  rooms = 0
  letGo = 0
  readonly cutOffs: Untaken[] = []

  /** `from`: the snapshot that it goes on from, and the pieces in it. */
  constructor(clock = new TestClock(), from?: { readonly id: number; readonly pieces: readonly Piece[] }) {
    this.clock = clock
    const line: ClientPortLine = { tell: (report) => this.told.push(report), close: () => undefined }
    this.output = new CommittedOutput({
      clock,
      line,
      room: () => this.rooms++,
      letGo: (count) => (this.letGo += count),
      readersMs,
      cutOff: (what) => this.cutOffs.push(what),
    })
    if (from === undefined) {
      this.output.start()
      return
    }
    this.output.restored({ incarnation: 1, id: from.id }, false)
    for (const piece of from.pieces) this.commit(piece)
    this.output.start()
  }

  put(...messages: unknown[]): void {
    for (const message of messages) if (!this.output.put(message)) this.letGo++
  }

  prepare(id: number): Piece {
    return { id, staged: this.output.prepare({ incarnation: 1, id }) ?? { texts: [], ...emptyLog } }
  }

  /** One that nobody has to be waited for. */
  commit(piece: Piece): void {
    assert.equal(this.commitLast(piece), undefined)
  }

  commitLast({ id, staged }: Piece): void | Promise<void> {
    return this.output.commit({ writer: 'w', snapshot: { incarnation: 1, id }, staged })
  }

  snapshot(id: number): void {
    this.commit(this.prepare(id))
  }

  follow(id: number, after?: string): string[] {
    this.output.obey({ type: 'follow', id, after })
    return this.next(id)
  }

  next(id: number): string[] {
    this.output.obey({ type: 'next', id })
    return this.news()
  }

  /** What was told since: `2 from 1.4`, `2 missed, from 1.4`, `2: 1.5.1 "a" "b"`. */
  news(): string[] {
    return this.told.splice(0).map((report) => {
      if (report.type === 'following')
        return `${report.id}${report.missed ? ' missed,' : ''} from ${report.at}`
      if (report.type === 'part') return `${report.id}: ${report.at} ${report.texts.join(' ')}`
      if (report.type === 'unfollowed') return `${report.id} ended: ${report.error.code}`
      if (report.type === 'answer') return `answer ${report.id} ${report.text}`
      return 'id' in report ? `${report.type} ${report.id}` : report.type
    })
  }
}

export const emptyLog = { pieces: [], floor: '0.0.0', isFromBeginning: false }
