import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Ending,
  LastEnding,
  type ProducerNumber,
  type TransactionState,
} from '../../../src/connectors/kafka/last-ending.ts'

const number = (producerEpoch: number, producerId = 5n): ProducerNumber => ({ producerId, producerEpoch })
const said = (transactionState: string, producerEpoch: number, hasSnapshot?: boolean): TransactionState => ({
  transactionState,
  ...number(producerEpoch),
  ...(hasSnapshot !== undefined && { hasSnapshot }),
})

/** What is known after these words of the coordinator, each before a take-over, and after one that gave `own`. */
function known(
  words: readonly (TransactionState | undefined)[],
  own: ProducerNumber,
  lost = number(3),
): Ending | undefined {
  const last = new LastEnding()
  for (const each of words) last.expect(each)
  return last.of(lost, own)
}

test('KA-4: how the last transaction ended is known from before the take-over', () => {
  assert.equal(known([said('CompleteCommit', 3)], number(4)), 'commit')
  assert.equal(known([said('PrepareCommit', 3)], number(4)), 'commit')
  // The coordinator has aborted it, in the name of its producer.
  assert.equal(known([said('PrepareAbort', 4, true)], number(5)), 'abort')
})

test('LE-3: of one that was taken back, the lost one may be one before it', () => {
  const before = said('CompleteAbort', 4, false)
  assert.equal(known([before], number(5)), 'commit')
  // Taken back by whoever comes, or when its time was over: nobody knows what it had come to.
  assert.equal(known([said('CompleteAbort', 4)], number(5)), undefined)
  assert.equal(known([said('PrepareAbort', 4)], number(5)), undefined)
  // Asked once more before the id was taken.
  assert.equal(known([said('PrepareAbort', 4, true), said('CompleteAbort', 4)], number(5)), 'abort')
  assert.equal(known([before, said('CompleteAbort', 4)], number(5)), 'commit')
})

test('KA-4: it is known for as long as nobody else takes the id over', () => {
  const first = said('CompleteCommit', 3)
  // The answer to the first take-over was lost, or what came after it failed.
  assert.equal(known([first, said('Empty', 4)], number(5)), 'commit')
  assert.equal(known([first, said('Empty', 4), said('Empty', 5)], number(6)), 'commit')
  assert.equal(known([first, said('Empty', 5)], number(6)), undefined)
  assert.equal(known([first], number(5)), undefined)
  assert.equal(known([first], number(4, 6n)), undefined)
  // Ours, by which the lost one was to be ended again.
  assert.equal(known([first, said('CompleteCommit', 4)], number(5)), 'commit')
})

test('KA-4: of what is not certain nothing is told', () => {
  assert.equal(known([undefined], number(4)), undefined)
  assert.equal(known([said('Empty', 3)], number(4)), undefined)
  assert.equal(known([said('Ongoing', 3)], number(4)), undefined)
  assert.equal(known([said('CompleteCommit', 3), undefined], number(4)), undefined)
  // Of another transaction than the last one.
  assert.equal(known([said('CompleteCommit', 9)], number(10)), undefined)
  assert.equal(known([said('CompleteCommit', 3)], number(4), number(3, 6n)), undefined)
})

test('KA-4: what was certain once stays so', () => {
  const last = new LastEnding()
  last.expect(said('CompleteAbort', 3, true))
  assert.equal(last.of(number(3), number(4)), 'abort')
  last.expect(said('Empty', 8))
  assert.equal(last.of(number(3), number(9)), 'abort')
  assert.equal(last.of(number(8), number(9)), undefined)
})
