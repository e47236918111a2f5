/**
 * How the transaction of a transactional id ended whose mark a broker has lost (KA-4), from what its coordinator says just before
 * somebody takes the id over: afterwards the coordinator does not know it any more. Only what is certain is told:
 *
 * - LE-1 Each take-over raises the number of the producer (its epoch) by one, so one that raised it by more was not alone.
 * - LE-2 All transactions of one producer have one number, and who has it goes on after a commit only. So where the last one was committed,
 *   the lost one was, whichever it is.
 * - LE-3 Where the last one was taken back, the lost one is that one if it had come to the topic of snapshots, and else one before it, which was
 *   committed. Where nobody saw which of the two, nothing is told.
 */
export type Ending = 'commit' | 'abort'

export interface ProducerNumber {
  readonly producerId: bigint
  readonly producerEpoch: number
}

/** What the coordinator says of a transactional id. */
export interface TransactionState extends ProducerNumber {
  /** By the names of the protocol, such as `CompleteCommit`. */
  readonly transactionState: string
  /** Of one that was under way when it was shut out: whether it had come to the topic of snapshots. */
  readonly hasSnapshot?: boolean
}

interface Ended {
  readonly how: Ending
  /** Of the producer when the transaction had ended. */
  readonly at: ProducerNumber
  /** Of who takes the id over next. */
  readonly next: ProducerNumber
}

const endings: Readonly<Record<string, Ending>> = {
  PrepareCommit: 'commit',
  CompleteCommit: 'commit',
  PrepareAbort: 'abort',
  CompleteAbort: 'abort',
}

export class LastEnding {
  #ended: Ended | undefined
  /** What was told last: how a transaction has ended does not change. */
  #told: { readonly lost: ProducerNumber; readonly how: Ending } | undefined

  /** Before the id is taken over. `said`: undefined where the coordinator does not know the id, or cannot be asked. */
  expect(said: TransactionState | undefined): void {
    const before = this.#ended
    this.#ended = undefined
    if (said === undefined) return
    const { producerId, producerEpoch } = said
    const next = { producerId, producerEpoch: producerEpoch + 1 }
    const isKnown = before !== undefined && isSame(before.at, said)
    const how = isKnown ? before.how : endingOf(said)
    if (how !== undefined) this.#ended = { how, at: { producerId, producerEpoch }, next }
    // It was taken over by us, and nothing was begun since.
    else if (said.transactionState === 'Empty' && before !== undefined && isSame(before.next, said))
      this.#ended = { ...before, next }
  }

  /**
   * How the transaction ended that has written under `lost`; undefined where that is not certain. `own`: which producer has taken the id
   * over.
   */
  of(lost: ProducerNumber, own: ProducerNumber): Ending | undefined {
    if (this.#told !== undefined && isSame(this.#told.lost, lost)) return this.#told.how
    if (this.#ended === undefined || !isSame(this.#ended.next, own)) return undefined
    const { how, at } = this.#ended
    // Who aborts a transaction in the name of its producer raises the number once for that.
    const later = at.producerEpoch - lost.producerEpoch
    if (at.producerId !== lost.producerId || (later !== 0 && later !== 1)) return undefined
    this.#told = { lost, how }
    return how
  }
}

/** LE-2, LE-3 */
function endingOf({ transactionState, hasSnapshot }: TransactionState): Ending | undefined {
  const how = endings[transactionState]
  if (how !== 'abort') return how
  return hasSnapshot === undefined ? undefined : hasSnapshot ? 'abort' : 'commit'
}

function isSame(a: ProducerNumber, b: ProducerNumber): boolean {
  return a.producerId === b.producerId && a.producerEpoch === b.producerEpoch
}
