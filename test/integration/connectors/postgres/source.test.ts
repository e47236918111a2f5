import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { providePostgres } from '../../../../scripts/servers/postgres.ts'
import { type PostgresRow, postgresSource } from '../../../../src/connectors/postgres/index.ts'
import { hasCode } from '../../../support/error-code.ts'
import { OpenedSource } from '../../../support/opened-kinds.ts'
import { PostgresServer } from '../../../support/postgres-server.ts'

const provided = await providePostgres()
const skip = 'missing' in provided ? provided.missing : false
let server: PostgresServer

before(async () => {
  if ('path' in provided) server = await PostgresServer.start(provided.path)
})
after(() => server?.stop())

function open(config: object, rest: object = {}): Promise<OpenedSource<PostgresRow>> {
  return OpenedSource.open<PostgresRow>(postgresSource, { config: { url: server.url, ...config }, ...rest })
}

test('rows come in the order of the key, in pages, and positions go on from any row', { skip }, async () => {
  await server.query(`CREATE TABLE pairs (a text, b int, note text, PRIMARY KEY (a, b))`)
  await server.query(
    `INSERT INTO pairs SELECT chr(97 + n % 5), n, 'row ' || n FROM generate_series(-10, 39) AS n`,
  )
  const expected = await server.query(`SELECT * FROM pairs ORDER BY a, b`)
  for (const taken of [0, 1, 6, 7, 8, 49, 50]) {
    const first = await open({ table: 'pairs', pageRows: 7 })
    await first.until(taken, 4)
    const { positions } = first
    const before = [...first.messages]
    await first.close()
    const second = await open({ table: 'pairs', pageRows: 7 }, { positions })
    assert.deepEqual([...before, ...(await second.all())], expected, `after ${taken}`)
    await second.close()
  }
})

test('keys of any type are gone on from exactly', { skip }, async () => {
  await server.query(
    `CREATE TABLE times (at timestamptz PRIMARY KEY, n bigint, x numeric, d date, raw bytea, j jsonb)`,
  )
  await server.query(`INSERT INTO times SELECT '2026-01-01 00:00:00.000001Z'::timestamptz + n * interval '1 microsecond',
    9007199254740993 + n, 1.50, '2026-02-03', '\\x00ff', '{"a": [1]}' FROM generate_series(0, 9) AS n`)
  const first = await open({ table: 'times', pageRows: 3 })
  await first.until(4, 1)
  const { positions } = first
  await first.close()
  const second = await open({ table: 'times', pageRows: 3 }, { positions })
  const rest = await second.all()
  await second.close()
  assert.deepEqual(
    rest.map(({ n }) => n),
    [4n, 5n, 6n, 7n, 8n, 9n].map((n) => 9_007_199_254_740_993n + n),
  )
  assert.deepEqual(
    { ...rest[0] },
    {
      at: new Date('2026-01-01T00:00:00.000Z'),
      n: 9_007_199_254_740_997n,
      x: '1.50',
      d: '2026-02-03',
      raw: Buffer.from([0, 255]),
      j: { a: [1] },
    },
  )
})

test('follows what is added, also across a kill of the server', { skip, timeout: 120_000 }, async () => {
  await server.query(`CREATE TABLE growing (id serial PRIMARY KEY, word text)`)
  await server.query(`INSERT INTO growing (word) VALUES ('a'), ('b')`)
  const source = await open({ table: 'growing', follow: true, pollMs: 20, columns: ['word'] })
  await source.until(2)
  const next = source.until(3)
  await server.kill()
  await server.run()
  await server.query(`INSERT INTO growing (word) VALUES ('c')`)
  assert.deepEqual(await next, [{ word: 'a' }, { word: 'b' }, { word: 'c' }])
  await source.close()
})

test('a table that was made anew, or another key, is an error before anything runs', { skip }, async () => {
  const make = `CREATE TABLE again (id int PRIMARY KEY, other int UNIQUE NOT NULL)`
  await server.query(make)
  await server.query(`INSERT INTO again VALUES (1, 1), (2, 2)`)
  const source = await open({ table: 'again' })
  await source.until(1, 1)
  const { positions } = source
  await source.close()
  await assert.rejects(
    open({ table: 'again', key: ['other'] }, { positions }),
    hasCode('SOURCE_POSITION_LOST', 'another key'),
  )
  await server.query(`DROP TABLE again`)
  await server.query(make)
  await assert.rejects(open({ table: 'again' }, { positions }), hasCode('SOURCE_POSITION_LOST', 'made anew'))
})

test('what cannot be read in the order of a key is refused before anything runs', { skip }, async () => {
  await server.query(`CREATE TABLE loose (a int, b int NOT NULL)`)
  await assert.rejects(open({ table: 'loose' }), hasCode('TARGET_UNFIT', 'has no primary key'))
  await assert.rejects(open({ table: 'loose', key: ['a'] }), hasCode('TARGET_UNFIT', 'may be null'))
  await assert.rejects(
    open({ table: 'loose', key: ['b'] }),
    hasCode('TARGET_UNFIT', 'no unique index over b'),
  )
  await assert.rejects(open({ table: 'nowhere' }), hasCode('TARGET_UNFIT', 'there is no table'))
})

test('one instance reads it', { skip }, async () => {
  await server.query(`CREATE TABLE alone (id int PRIMARY KEY)`)
  await server.query(`INSERT INTO alone VALUES (1), (2)`)
  const counts: number[] = []
  for (const instance of [0, 1]) {
    const source = await open({ table: 'alone' }, { instance, instances: 2 })
    counts.push((await source.all()).length)
    await source.close()
  }
  assert.deepEqual(counts, [2, 0])
})
