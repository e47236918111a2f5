import { errorToData } from '../../base/errors.ts'
import type { ClientPortLine } from '../../component/client-port.ts'
import { compareSinkSnapshots, type SinkSnapshot } from '../../component/sink.ts'
import { AwaitedAnswers, unfitAnswer } from './awaited.ts'
import { EarlierTexts } from './earlier-texts.ts'

interface Answer {
  readonly id: number
  /** Empty where it cannot be given. */
  readonly text: string
  /** With the commit of which it is given; undefined before the cut. */
  of: SinkSnapshot | undefined
}

/** What came before it was asked for: texts, from number `from` on. */
export interface Earlier {
  readonly texts: readonly string[]
  readonly from: number
  readonly of: SinkSnapshot | 'committed' | 'staged'
}

/** Answers that are awaited of an output that gives what is committed: found when they come, given with their commit. */
export class CommittedAnswers {
  private readonly line: ClientPortLine
  private readonly awaited = new AwaitedAnswers()
  /** Found, and not committed so far. */
  private readonly found = new Map<number, Answer>()
  private readonly earlierTexts = new EarlierTexts()

  constructor(line: ClientPortLine) {
    this.line = line
  }

  get isEmpty(): boolean {
    return this.awaited.isEmpty && this.found.size === 0
  }

  /** `earlier`: of one that was awaited before, what came since. Errors: PORT_BUSY. */
  add(
    { id, field, value }: { readonly id: number; readonly field: string; readonly value: string },
    at: string,
    earlier: Iterable<Earlier> = [],
  ): void {
    for (const { texts, from, of } of earlier) {
      const text = this.earlierTexts.first(texts, from, { field, value })
      if (text === undefined) continue
      this.line.tell({ type: 'awaiting', id, at })
      if (of === 'committed') this.give({ id, text })
      else this.found.set(id, { id, text, of: of === 'staged' ? undefined : of })
      return
    }
    this.awaited.add(id, { field, value })
    this.line.tell({ type: 'awaiting', id, at })
  }

  remove(id: number): void {
    this.awaited.remove(id)
    this.found.delete(id)
  }

  staged(message: unknown, text: string): void {
    for (const id of this.awaited.take(message)) this.found.set(id, { id, text, of: undefined })
  }

  cut(snapshot: SinkSnapshot): void {
    for (const answer of this.found.values()) answer.of ??= snapshot
  }

  committed(snapshot: SinkSnapshot): void {
    for (const answer of this.found.values()) {
      if (answer.of === undefined || compareSinkSnapshots(answer.of, snapshot) > 0) continue
      this.found.delete(answer.id)
      this.give(answer)
    }
  }

  private give({ id, text }: Pick<Answer, 'id' | 'text'>): void {
    if (text !== '') this.line.tell({ type: 'answer', id, text })
    else this.line.tell({ type: 'refused', id, error: errorToData(unfitAnswer()) })
  }
}
