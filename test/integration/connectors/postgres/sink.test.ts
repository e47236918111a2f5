import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { providePostgres } from '../../../../scripts/servers/postgres.ts'
import { seededRandom } from '../../../../src/base/random.ts'
import type { SinkSnapshot } from '../../../../src/component/index.ts'
import { postgresSink } from '../../../../src/connectors/postgres/index.ts'
import { hasCode } from '../../../support/error-code.ts'
import { eventually } from '../../../support/eventually.ts'
import { OpenedSink } from '../../../support/opened-kinds.ts'
import { PostgresServer } from '../../../support/postgres-server.ts'

const provided = await providePostgres()
const skip = 'missing' in provided ? provided.missing : false
let server: PostgresServer

before(async () => {
  if ('path' in provided) server = await PostgresServer.start(provided.path)
})
after(() => server?.stop())

let tables = 0

/** A table of its own for each test. */
async function table(columns: string): Promise<string> {
  const name = `t${tables++}`
  await server.query(`CREATE TABLE ${name} (${columns})`)
  return name
}

function open(config: Record<string, unknown>, rest: object = {}): Promise<OpenedSink> {
  return OpenedSink.open(postgresSink, { config: { url: server.url, ...config }, ...rest })
}

const at = (id: number, incarnation = 1): SinkSnapshot => ({ incarnation, id })

/** Sends, prepares and publishes. */
async function publish(it: OpenedSink, id: number, ...messages: unknown[]): Promise<void> {
  await it.send(...messages)
  const staged = await it.sink.prepare(at(id))
  if (staged !== undefined) await it.sink.commit({ writer: 'w', snapshot: at(id), staged })
}

test('rows and the snapshot are written together, and once', { skip }, async (t) => {
  const name = await table('word text, count int')
  const it = await open({ table: name })
  t.after(() => it.close())
  assert.equal(await it.sink.recover('w', undefined), undefined)
  await it.send({ word: 'a', count: 1 }, { word: 'b', count: 2 }, { count: 3, word: 'c' })
  const staged = await it.sink.prepare(at(7))
  assert.deepEqual(await server.query(`SELECT * FROM ${name}`), [])
  for (let times = 0; times < 3; times++) await it.sink.commit({ writer: 'w', snapshot: at(7), staged })
  assert.deepEqual(await server.query(`SELECT * FROM ${name} ORDER BY word`), [
    { word: 'a', count: 1 },
    { word: 'b', count: 2 },
    { word: 'c', count: 3 },
  ])
  assert.deepEqual(await it.sink.recover('w', undefined), at(7))
  assert.equal(await it.sink.recover('x', undefined), undefined)
  assert.deepEqual(await it.sink.recover('w', at(7)), at(7))
  const lost = async (writer: string): Promise<unknown> => it.sink.recover(writer, at(8))
  await assert.rejects(lost('w'), hasCode('SINK_TARGET_LOST', 'has snapshot 1/7'))
  await assert.rejects(lost('x'), hasCode('SINK_TARGET_LOST', 'has nothing'))
  // An older one of the same incarnation is there already.
  await it.sink.commit({ writer: 'w', snapshot: at(6), staged })
  assert.equal((await server.query(`SELECT * FROM ${name}`)).length, 3)
  assert.equal(await it.sink.prepare(at(8)), undefined)
})

test(
  'an older incarnation than that which is there is refused; a newer one is written',
  { skip },
  async (t) => {
    const name = await table('n int')
    const it = await open({ table: name })
    t.after(() => it.close())
    const staged = async (n: number): Promise<unknown> => {
      await it.send({ n })
      return it.sink.prepare(at(1))
    }
    await it.sink.commit({ writer: 'v', snapshot: at(9, 2), staged: await staged(1) })
    const old = await staged(2)
    await assert.rejects(
      async () => it.sink.commit({ writer: 'v', snapshot: at(10, 1), staged: old }),
      hasCode('SINK_AHEAD'),
    )
    await it.sink.commit({ writer: 'v', snapshot: at(1, 3), staged: old })
    assert.deepEqual(await server.query(`SELECT n FROM ${name} ORDER BY n`), [{ n: 1 }, { n: 2 }])
  },
)

test('two that write as one writer at the same time write once', { skip }, async (t) => {
  const name = await table('n int')
  const both = [await open({ table: name }), await open({ table: name })]
  t.after(() => Promise.all(both.map((each) => each.close())))
  const [first] = both
  for (let id = 1; id <= 20; id++) {
    await first!.send({ n: id })
    const staged = await first!.sink.prepare(at(id))
    await Promise.all(
      both.map(async (each) => each.sink.commit({ writer: 'both', snapshot: at(id), staged })),
    )
  }
  const found = await server.query(`SELECT n FROM ${name} ORDER BY n`)
  assert.deepEqual(
    found,
    Array.from({ length: 20 }, (_, index) => ({ n: index + 1 })),
  )
})

test('upsert: the last message of each key counts, in the order of the messages', { skip }, async (t) => {
  const name = await table('word text PRIMARY KEY, count int, note text DEFAULT $$none$$')
  const it = await open({ table: name, mode: 'upsert' })
  t.after(() => it.close())
  await publish(it, 101, { word: 'a', count: 1 }, { word: 'b', count: 1 }, { word: 'a', count: 2 })
  await publish(it, 102, { word: 'a', count: 3, note: 'x' }, { word: 'a', count: 4 }, { word: 'c', count: 1 })
  assert.deepEqual(await server.query(`SELECT * FROM ${name} ORDER BY word`), [
    { word: 'a', count: 4, note: 'x' },
    { word: 'b', count: 1, note: 'none' },
    { word: 'c', count: 1, note: 'none' },
  ])
})

test('values of all kinds arrive as they are', { skip }, async (t) => {
  const name =
    await table(`i2 smallint, i4 int, i8 bigint, f8 float8, num numeric(30,10), b boolean, t text, v varchar(5),
    raw bytea, id uuid, d date, ts timestamp, tz timestamptz, j jsonb, list int[], deep text[][], e json, made int GENERATED ALWAYS AS (i4 + 1) STORED`)
  const it = await open({ table: name })
  t.after(() => it.close())
  await publish(
    it,
    201,
    {
      i2: 32767,
      i4: -5,
      i8: 9_007_199_254_740_993n,
      f8: Number.NaN,
      num: '12345678901234567890.0123456789',
      b: true,
      t: 'ä"\\ \n €😀',
      v: 'short',
      raw: new Uint8Array([0, 1, 255]),
      id: '123e4567-e89b-12d3-a456-426614174000',
      d: '2026-02-03',
      ts: '2026-02-03 04:05:06.789012',
      tz: new Date('2026-02-03T04:05:06.789Z'),
      j: { deep: ['x', 1, null, { y: 'z' }] },
      list: [1, null, 3],
      deep: [
        ['a', 'b,"'],
        ['c', '{}'],
      ],
      e: 'a text',
    },
    { i4: null, t: undefined },
    {},
  )
  const [row, second, third] = await server.query(
    `SELECT *, ts::text AS ts, d::text AS d, num::text AS num FROM ${name}`,
  )
  assert.deepEqual(row, {
    i2: 32767,
    i4: -5,
    i8: '9007199254740993',
    f8: Number.NaN,
    num: '12345678901234567890.0123456789',
    b: true,
    t: 'ä"\\ \n €😀',
    v: 'short',
    raw: Buffer.from([0, 1, 255]),
    id: '123e4567-e89b-12d3-a456-426614174000',
    d: '2026-02-03',
    ts: '2026-02-03 04:05:06.789012',
    tz: new Date('2026-02-03T04:05:06.789Z'),
    j: { deep: ['x', 1, null, { y: 'z' }] },
    list: [1, null, 3],
    deep: [
      ['a', 'b,"'],
      ['c', '{}'],
    ],
    e: 'a text',
    made: -4,
  })
  for (const other of [second, third])
    assert.ok(other !== undefined && Object.values(other).every((value) => value === null))
})

test('what does not fit is refused when it arrives, with what is wrong', { skip }, async (t) => {
  await server.query(`CREATE TYPE mood AS ENUM ('happy', 'sad')`)
  const name = await table('id int PRIMARY KEY, name text NOT NULL, mood mood, at timestamptz')
  const it = await open({ table: name })
  t.after(() => it.close())
  const refused: readonly [unknown, string][] = [
    ['text', 'is no record'],
    [{ id: 1 }, 'lacks a value for the column "name"'],
    [{ id: 1, name: null }, 'has null for the column "name"'],
    [{ id: 1.5, name: 'x' }, 'whole number of 32 bits'],
    [{ id: 2 ** 31, name: 'x' }, 'whole number of 32 bits'],
    [{ id: 1, name: 'x', nam: 'y' }, 'Did you mean "name"'],
    [{ id: 1, name: 'a\u0000b' }, 'NUL'],
    [{ id: 1, name: '\ud800' }, 'half a pair'],
    [{ id: 1, name: { deep: 1 } }, 'must be a text'],
    [{ id: 1, name: 'x', mood: 'angry' }, 'must be one of: happy, sad'],
    [{ id: 1, name: 'x', at: 1_700_000_000_000 }, 'must be a Date'],
    [{ id: 1, name: 'x', at: new Date(Number.NaN) }, 'without a time'],
  ]
  for (const [message, says] of refused)
    await assert.rejects(
      it.send(message),
      (error: Error) => hasCode('MESSAGE_UNFIT')(error) && error.message.includes(says),
      `${JSON.stringify(message)}: ${says}`,
    )
  // An escaped backslash before u0000 is no NUL.
  await publish(it, 301, { id: 1, name: '\\u0000' })
  assert.deepEqual(await server.query(`SELECT name FROM ${name}`), [{ name: '\\u0000' }])
})

test('table, columns and key are looked at before anything runs', { skip }, async () => {
  const plain = await table('a int, b int NOT NULL, c int GENERATED ALWAYS AS IDENTITY')
  const keyed = await table('a int PRIMARY KEY, b int')
  const faults: readonly [Record<string, unknown>, string][] = [
    [{ table: 'nowhere' }, 'there is no table "nowhere"'],
    [{ table: plain, columns: ['a'] }, 'the column "b" needs a value'],
    [{ table: plain, columns: ['a', 'bb'] }, 'has no column "bb"'],
    [{ table: plain, columns: ['a', 'b', 'c'] }, 'the server alone fills in the column "c"'],
    [{ table: plain, mode: 'upsert' }, 'has no primary key'],
    [{ table: plain, mode: 'upsert', key: ['a'] }, 'has no unique index over a'],
    [{ table: plain, key: ['a'] }, 'have no `key`'],
    [{ table: keyed, mode: 'upsert', columns: ['b'] }, 'needs a value'],
  ]
  for (const [config, says] of faults) {
    await assert.rejects(open(config), (error: Error) => {
      assert.ok(hasCode('TARGET_UNFIT')(error))
      assert.ok(error.message.includes(says), `"${error.message}" lacks "${says}"`)
      return true
    })
  }
  const wrong = server.url
    .replace('/postgres', '/nowhere')
    .replace('postgres:/', 'postgres://')
    .replace('postgres:///', 'postgres://')
  await assert.rejects(open({ table: keyed, url: wrong }), hasCode('TARGET_UNFIT'))
})

test('what only the server can judge fails the commit, and leaves nothing', { skip }, async (t) => {
  const name = await table('n int CHECK (n < 10)')
  const it = await open({ table: name })
  t.after(() => it.close())
  await assert.rejects(publish(it, 401, { n: 1 }, { n: 11 }), hasCode('SINK_REFUSED'))
  assert.deepEqual(await server.query(`SELECT * FROM ${name}`), [])
  assert.notDeepEqual(await it.sink.recover('w', undefined), at(401))
})

test('without snapshots rows are written in batches, and the rest at the end', { skip }, async (t) => {
  const name = await table('n int')
  const it = await open({ table: name, batchRows: 10, flushMs: 50 }, { publishes: 'at-once' })
  t.after(() => it.close())
  const count = async (): Promise<number> => (await server.query(`SELECT n FROM ${name}`)).length
  await it.send({ n: 0 })
  await eventually('a row that waits is written', async () => (await count()) === 1)
  for (let n = 1; n < 25; n++) await it.send({ n })
  await it.drain()
  assert.equal(await count(), 25)
})

test(
  'a server that is killed in the middle of commits, over and over, has each row once',
  { skip, timeout: 180_000 },
  async (t) => {
    const name = await table('n int')
    const it = await open({ table: name })
    t.after(() => it.close())
    const total = 120
    let published = 0
    let kills = 0
    const ending = new AbortController()
    const killer = (async () => {
      const random = seededRandom(5)
      while (!ending.signal.aborted) {
        const next = published + 2 + random.int(12)
        await eventually('some more is published', () => ending.signal.aborted || published >= next, 60_000)
        // In the middle of a commit, or of connecting.
        await sleep(random.int(8))
        if (random.int(3) === 0) await server.disconnectAll()
        else {
          await server.kill()
          await server.run()
          kills++
        }
      }
    })()
    try {
      for (let id = 1; id <= total; id++) {
        await it.send({ n: id * 2 }, { n: id * 2 + 1 })
        const staged = await it.sink.prepare(at(1_000 + id))
        // As the engine does.
        const commit = async (): Promise<boolean> => {
          try {
            await it.sink.commit({ writer: 'killed', snapshot: at(1_000 + id), staged })
            return true
          } catch (error) {
            assert.ok(hasCode('SERVER_UNREACHABLE')(error), String(error))
            return false
          }
        }
        await eventually(`snapshot ${id} is published`, commit, 60_000)
        published = id
      }
    } finally {
      ending.abort()
      await killer
    }
    assert.ok(kills >= 5, `${kills} kills`)
    const found = await server.query(`SELECT n FROM ${name} ORDER BY n`)
    assert.deepEqual(
      found.map(({ n }) => n),
      Array.from({ length: total * 2 }, (_, index) => index + 2),
    )
    assert.deepEqual(await it.sink.recover('killed', undefined), at(1_000 + total))
  },
)
