import { after, test } from 'node:test'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Admin, Producer } from '@platformatic/kafka'
import { connect } from '@nats-io/transport-node'
import { provideKafka } from '../../../scripts/servers/kafka.ts'
import { provideNats } from '../../../scripts/servers/nats.ts'
import { providePostgres } from '../../../scripts/servers/postgres.ts'
import type { Kind, PollContext, Port, SourceReader } from '../../../src/component/index.ts'
import { kindDefinition, makeKind } from '../../../src/component/kind.ts'
import { kafkaSource } from '../../../src/connectors/kafka/index.ts'
import { natsSource } from '../../../src/connectors/nats/index.ts'
import { postgresSource } from '../../../src/connectors/postgres/index.ts'
import { eventually } from '../../support/eventually.ts'
import { KafkaServer } from '../../support/kafka-server.ts'
import { NatsServer } from '../../support/nats-server.ts'
import { PostgresServer } from '../../support/postgres-server.ts'
import { allGiven, type Fixture, type Subject } from './subjects.ts'
import { sourceSuite } from './suite.ts'

const count = 240
const numbers = Array.from({ length: count }, (_, n) => n)
const subjects: Subject[] = []
let places = 0

/** What the fixtures of servers have in common: all is there before the network begins. */
const settled = { give: async () => undefined, journals: [] } satisfies Partial<Fixture>

type Setup = (context: object) => Promise<SourceReader<{ readonly out: Port<unknown> }>>

/** The same source, which sends the field `n` of its rows: what is seen is compared as it is. */
function onlyNumbers(kind: Kind): Kind {
  const definition = kindDefinition(kind)
  const setup = definition.setup as unknown as Setup
  return makeKind({
    ...definition,
    async setup(context: object) {
      const reader = await setup(context)
      return {
        poll: (max: number, polled: PollContext<{ readonly out: Port<unknown> }>) => {
          const out = (row: unknown): void => polled.emit.out((row as { readonly n: number }).n)
          return reader.poll(max, { ...polled, emit: { out } } as never)
        },
        positions: () => reader.positions!(),
        close: () => reader.close!(),
      }
    },
  })
}

const postgres = await providePostgres()
if ('missing' in postgres) test('postgres-source', { skip: postgres.missing }, () => undefined)
else {
  const server = await PostgresServer.start(postgres.path)
  after(() => server.stop())
  subjects.push({
    name: 'postgres-source',
    async make() {
      const table = `source${places++}`
      const create = `CREATE TABLE ${table} (n int PRIMARY KEY)`
      await server.query(create)
      await server.query(`INSERT INTO ${table} SELECT * FROM generate_series(0, ${count - 1})`)
      return {
        ...settled,
        source: { kind: onlyNumbers(postgresSource), config: { url: server.url, table, pageRows: 7 } },
        given: allGiven(numbers),
        damages: [
          {
            what: 'the table was made anew',
            async damage() {
              await server.query(`DROP TABLE ${table}`)
              await server.query(create)
            },
          },
        ],
      }
    },
  })
}

const kafka = await provideKafka()
if ('missing' in kafka) test('kafka-source', { skip: kafka.missing }, () => undefined)
else {
  const server = await KafkaServer.start(kafka.path)
  after(() => server.stop())
  const client = { clientId: 'test', bootstrapBrokers: [server.bootstrap], retries: 20, retryDelay: 100 }
  const admin = new Admin(client)
  // A retry after half of a request was taken would write that half twice.
  const producer = new Producer({ ...client, idempotent: true })
  after(() => Promise.all([admin.close(), producer.close(true)]))
  subjects.push({
    name: 'kafka-source',
    async make() {
      const topic = `source-${places++}`
      const create = { topics: [topic], partitions: 4, replicas: 1 }
      await admin.createTopics(create)
      const messages = numbers.map((n) => ({ topic, partition: n % 4, value: Buffer.from(String(n)) }))
      await producer.send({ messages })
      return {
        ...settled,
        source: {
          kind: kafkaSource,
          config: { brokers: [server.bootstrap], topic, follow: false, value: 'json', sends: 'values' },
        },
        given: allGiven(numbers),
        damages: [
          {
            what: 'messages were deleted',
            async damage() {
              const partitions = [0, 1, 2, 3].map((partition) => ({ partition, offset: BigInt(count / 4) }))
              await admin.deleteRecords({ topics: [{ name: topic, partitions }] })
            },
          },
          {
            what: 'the topic was made anew',
            async damage() {
              await admin.deleteTopics({ topics: [topic] })
              await eventually('the topic is gone', async () => !(await admin.listTopics()).includes(topic))
              await admin.createTopics(create)
            },
          },
        ],
      }
    },
  })
}

const nats = await provideNats()
if ('missing' in nats) test('nats-source', { skip: nats.missing }, () => undefined)
else {
  const server = await NatsServer.start(nats.path)
  after(() => server.stop())
  const connection = await connect({ servers: server.url })
  after(() => connection.close())
  const manager = await jetstreamManager(connection)
  subjects.push({
    name: 'nats-source',
    async make() {
      const name = `source${places++}`
      const create = { name, subjects: [`${name}.>`] }
      await manager.streams.add(create)
      for (const n of numbers) await jetstream(connection).publish(`${name}.p${n % 3}`, String(n))
      return {
        ...settled,
        source: {
          kind: natsSource,
          config: {
            servers: [server.url],
            stream: name,
            subjects: [0, 1, 2].map((part) => `${name}.p${part}`),
            follow: false,
            value: 'json',
            sends: 'values',
          },
        },
        given: allGiven(numbers),
        damages: [
          { what: 'messages were deleted', damage: async () => void (await manager.streams.purge(name)) },
          {
            what: 'the stream was made anew',
            async damage() {
              await manager.streams.delete(name)
              await manager.streams.add(create)
            },
          },
        ],
      }
    },
  })
}

sourceSuite(subjects)
