import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isVertigoError } from '../../../src/base/errors.ts'
import { kafkaSink, kafkaSource } from '../../../src/connectors/kafka/index.ts'
import { natsSource } from '../../../src/connectors/nats/index.ts'
import { postgresSink, postgresSource } from '../../../src/connectors/postgres/index.ts'
import { loadPackage } from '../../../src/connectors/servers/load-package.ts'
import { configFaults } from './support.ts'

test('configuration of PostgreSQL', async () => {
  const url = 'postgres://localhost/db'
  assert.deepEqual(await configFaults(postgresSink, { url, table: 't' }), [])
  assert.deepEqual(await configFaults(postgresSink, { url: '${env:DATABASE_URL}', table: 't' }), [])
  assert.deepEqual(await configFaults(postgresSink, { table: 't' }), ['url: is missing'])
  assert.deepEqual(
    await configFaults(postgresSink, { url: 'localhost', table: 't', mode: 'replace', key: [] }),
    [
      'url: must begin with `postgres://`, or be a secret such as `${env:DATABASE_URL}`',
      'mode: must be one of: append, upsert',
      'key: must name at least one column',
    ],
  )
  const names = await configFaults(postgresSink, { url, table: 't', snapshotsTable: 'x; DROP TABLE y' })
  assert.match(names[0] ?? '', /^snapshotsTable: must be a name/)
  assert.deepEqual(await configFaults(postgresSource, { url, table: 't', folow: true }), [
    'folow: is not a field of this kind. Did you mean "follow"?',
  ])
})

test('configuration of Kafka', async () => {
  const brokers = ['a:9092', '[::1]:9092', '${env:BROKER}']
  assert.deepEqual(await configFaults(kafkaSource, { brokers, topic: 't' }), [])
  assert.deepEqual(await configFaults(kafkaSink, { brokers: 'a:9092', topic: 't' }), [
    'brokers: must be a list of addresses',
  ])
  assert.deepEqual(await configFaults(kafkaSink, { brokers: ['a'], topic: '' }), [
    'brokers.0: must be like `host:9092`',
    'topic: must not be empty',
  ])
  const sasl = { mechanism: 'PLAIN', username: 'me', password: 'secret' }
  assert.deepEqual(await configFaults(kafkaSink, { brokers, topic: 't', sasl, tls: { ca: 'PEM' } }), [])
  assert.deepEqual(
    await configFaults(kafkaSink, { brokers, topic: 't', sasl: { ...sasl, mechanism: 'X' }, tls: 1 }),
    [
      'tls: must be true, or have the texts `ca`, `cert`, `key`',
      'sasl.mechanism: must be one of: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512',
    ],
  )
})

test('configuration of NATS', async () => {
  const servers = ['nats://localhost:4222']
  assert.deepEqual(await configFaults(natsSource, { servers, stream: 's', subjects: ['a.>'] }), [])
  assert.deepEqual(await configFaults(natsSource, { servers: [], stream: 's', afterwards: 'burn' }), [
    'servers: must name at least one server',
    'afterwards: must be one of: keep, purge',
  ])
})

test('a client that is not installed is named', async () => {
  const absent = './no-such-package-here.js'
  const load = (): Promise<never> => import(absent) as Promise<never>
  await assert.rejects(loadPackage('pg', 'table', load), (error: unknown) => {
    assert.ok(isVertigoError(error))
    assert.equal(error.code, 'PACKAGE_NOT_FOUND')
    assert.equal(error.message, 'table needs the package pg, which is not installed.')
    assert.match(error.remedy, /`npm install pg`/)
    return true
  })
  const broken = (): Promise<never> => Promise.reject(new SyntaxError('its code is broken'))
  await assert.rejects(loadPackage('pg', 'table', broken), SyntaxError)
})
