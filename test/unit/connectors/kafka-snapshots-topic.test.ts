import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KafkaPackage } from '../../../src/connectors/kafka/client.ts'
import type { LogReader } from '../../../src/connectors/kafka/log-reader.ts'
import { SnapshotsTopic } from '../../../src/connectors/kafka/snapshots-topic.ts'
import { hasCode } from '../../support/error-code.ts'

test('a leader that has lost the end of the topic is told, and not asked for ever', async () => {
  const server = { brokers: ['localhost:1'], tls: false, requestTimeoutMs: 1_000, retryMs: 0 }
  const topic = new SnapshotsTopic('snapshots', {} as KafkaPackage, server, { component: 'it', what: 'it' })
  let fetches = 0
  const reader: Pick<LogReader, 'topic' | 'offsets' | 'fetch'> = {
    topic: () => Promise.resolve({ id: 'id', leaders: [1] }),
    offsets: (_, which) => Promise.resolve([which === 'first' ? 0n : 7n]),
    fetch: () => {
      fetches++
      return Promise.resolve([])
    },
  }
  await assert.rejects(
    topic.search(reader as LogReader, 'w/0'),
    hasCode('SERVER_UNREACHABLE', 'from offset 0 on, and has said that it ends at 7'),
  )
  // Each waits for 200 ms at the broker.
  assert.equal(fetches, 5)
})
