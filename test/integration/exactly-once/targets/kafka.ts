import { Admin } from '@platformatic/kafka'
import { provideKafka } from '../../../../scripts/servers/kafka.ts'
import { machineClock, sleep } from '../../../../src/base/clock.ts'
import type { Random } from '../../../../src/base/random.ts'
import { kafkaSource } from '../../../../src/connectors/kafka/index.ts'
import { clientOf, KafkaServer } from '../../../support/kafka-server.ts'
import { OpenedSource } from '../../../support/opened-kinds.ts'
import { checkCalls, checkPairs, checkWords } from '../checks.ts'
import type { Noted } from '../journaled.ts'
import type { Counted, Pair } from '../kinds.ts'
import type { ServerTarget } from './postgres.ts'
import { type Stream, streams } from './target.ts'

const provided = await provideKafka()
/** Why there is none; false where there is. */
export const kafkaMissing: string | false = 'missing' in provided ? provided.missing : false

const partitions = 2
const stillMsMax = 3_000

/** A topic for each stream. `host`: where the broker is reached. */
export async function kafkaAt(host: string): Promise<ServerTarget> {
  if ('missing' in provided) throw new Error(provided.missing)
  const server = await KafkaServer.start(provided.path, {}, host)
  const brokers = [server.bootstrap]
  const admin = new Admin(clientOf(server.bootstrap))
  try {
    await admin.createTopics({ topics: [...streams], partitions, replicas: 1 })
  } finally {
    await admin.close()
  }
  const sink = (topic: Stream, key: string, instances = 1) => ({
    kind: 'kafka-sink',
    instances,
    config: { brokers, topic, key },
  })
  return {
    name: 'kafka',
    sinks: {
      words: sink('words', 'word'),
      pairs: sink('pairs', 'client', 2),
      calls: sink('calls', 'id'),
    },
    async check(noted) {
      const read = <T>(topic: Stream): Promise<readonly T[]> => committed<T>(brokers, topic)
      const words = checkWords('Kafka', await read<Counted>('words'))
      const pairs = checkPairs('Kafka', await read<Pair>('pairs'))
      return words + pairs + checkCalls('Kafka', await read<Noted>('calls'), noted)
    },
    close: () => server.stop(),
    faults: [
      {
        name: 'Kafka is killed, or stands still',
        weight: 2,
        of: 'none',
        run: async (_, random: Random) => {
          if (random.int(2) === 0) {
            await server.kill()
            await server.run()
          } else {
            server.pause()
            await sleep(machineClock, random.int(stillMsMax))
            server.resume()
          }
        },
      },
    ],
  }
}

/** What a reader of committed messages sees, those of each key in their order. */
async function committed<T>(brokers: readonly string[], topic: string): Promise<readonly T[]> {
  const config = { brokers, topic, follow: false, value: 'json', sends: 'values' }
  const source = await OpenedSource.open<T>(kafkaSource, { config })
  try {
    return await source.all()
  } finally {
    await source.close()
  }
}
