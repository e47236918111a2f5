import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kafkaError } from '../../../src/connectors/kafka/errors.ts'

const use = { component: 'out', what: 'the topic "words"' }

/** What the client throws where a broker has said `apiId`. */
function said(apiId: string, canRetry = false): Error {
  const inner = Object.assign(new Error(`broker: ${apiId}`), { apiId, canRetry, code: 'PLT_KFK_PROTOCOL' })
  return Object.assign(new AggregateError([inner], 'request failed'), { code: 'PLT_KFK_RESPONSE' })
}

test('a writer that brokers have forgotten, since it wrote nothing for long, is told so and tried again', () => {
  // `transactional.id.expiration.ms`, seven days by default.
  for (const apiId of ['INVALID_PRODUCER_ID_MAPPING', 'UNKNOWN_PRODUCER_ID']) {
    const { code, message, retryable, remedy } = kafkaError(said(apiId), use)
    assert.deepEqual([code, retryable], ['SINK_FENCED', true])
    assert.equal(
      message,
      `out: the brokers do not know the writer any more, in writing to the topic "words": broker: ${apiId}.`,
    )
    assert.match(remedy ?? '', /tries again by itself/)
  }
})

test('a time-out for transactions that brokers do not allow names the field', () => {
  const { code, message, retryable } = kafkaError(said('INVALID_TRANSACTION_TIMEOUT'), use)
  assert.deepEqual([code, retryable], ['TARGET_UNFIT', false])
  assert.match(message, /`transactionTimeoutMs`/)
})
