import { after, test } from 'node:test'
import { Admin } from '@platformatic/kafka'
import { provideKafka } from '../../../scripts/servers/kafka.ts'
import { kafkaSink, kafkaSource } from '../../../src/connectors/kafka/index.ts'
import { KafkaServer } from '../../support/kafka-server.ts'
import { OpenedSource } from '../../support/opened-kinds.ts'
import type { SinkSubject } from './subjects.ts'
import { sinkSuite } from './suite.ts'
import type { Message } from './world.ts'

const provided = await provideKafka()
if ('missing' in provided) test('Kafka', { skip: provided.missing }, () => undefined)
else {
  const server = await KafkaServer.start(provided.path)
  after(() => server.stop())
  let targets = 0

  const subject: SinkSubject = {
    name: 'a topic of Kafka',
    isBounded: true,
    async open() {
      const topic = `sink-${targets++}`
      const admin = new Admin({
        clientId: 'test',
        bootstrapBrokers: [server.bootstrap],
        retries: 20,
        retryDelay: 100,
      })
      try {
        await admin.createTopics({ topics: [topic], partitions: 2, replicas: 1 })
      } finally {
        await admin.close()
      }
      const brokers = [server.bootstrap]
      return {
        kind: kafkaSink,
        // The writers of each test are the same ones.
        config: { brokers, topic, key: 'key', snapshotsTopic: `snapshots-of-${topic}` },
        async read() {
          const config = { brokers, topic, follow: false, value: 'json', sends: 'values' }
          const source = await OpenedSource.open<Message>(kafkaSource, { config })
          try {
            return await source.all()
          } finally {
            await source.close()
          }
        },
        setDown: (isDown) => (isDown ? server.kill() : server.run()),
        close: async () => undefined,
      }
    },
  }

  sinkSuite(subject)
}
