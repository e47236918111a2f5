import { after, test } from 'node:test'
import { providePostgres } from '../../../scripts/servers/postgres.ts'
import { postgresSink } from '../../../src/connectors/postgres/index.ts'
import { PostgresServer } from '../../support/postgres-server.ts'
import type { SinkSubject } from './subjects.ts'
import { sinkSuite } from './suite.ts'
import type { Message } from './world.ts'

const provided = await providePostgres()
if ('missing' in provided) test('PostgreSQL', { skip: provided.missing }, () => undefined)
else {
  const server = await PostgresServer.start(provided.path)
  after(() => server.stop())
  let targets = 0

  const subject: SinkSubject = {
    name: 'a table of PostgreSQL',
    isBounded: true,
    async open() {
      const name = `sink${targets++}`
      await server.query(`CREATE TABLE ${name} (place serial, key text NOT NULL, number int NOT NULL)`)
      return {
        kind: postgresSink,
        // The writers of each test are the same ones.
        config: {
          url: server.url,
          table: name,
          columns: ['key', 'number'],
          snapshotsTable: `snapshots_of_${name}`,
          retryMs: 20_000,
        },
        read: async () =>
          (await server.query(`SELECT key, number FROM ${name} ORDER BY place`)) as unknown as Message[],
        setDown: (isDown) => (isDown ? server.kill() : server.run()),
        close: async () => undefined,
      }
    },
  }

  sinkSuite(subject)
}
