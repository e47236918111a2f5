import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { recoverPart, publishPart, stagePart } from '../../../src/connectors/file/published-parts.ts'
import { fileSink } from '../../../src/connectors/file/sink.ts'
import { HeldCall } from '../../support/held-call.ts'
import { type Message, SinkWorld, until } from './world.ts'

/** Parts that a loader takes away as soon as it sees them. */
let folder: string
let taken: string
let world: SinkWorld

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vertigo-parts-'))
  taken = join(folder, 'taken')
  await mkdir(taken)
  world = new SinkWorld({ kind: fileSink, config: { path: join(folder, 'out.jsonl'), parts: true } })
})

afterEach(async () => {
  await world.close()
  await rm(folder, { recursive: true })
})

async function visible(): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => !name.startsWith('.') && name !== 'taken')
}

async function takeAway(): Promise<void> {
  for (const name of await visible()) await rename(join(folder, name), join(taken, name))
}

/** Takes what is there; all that was ever taken. */
async function load(): Promise<readonly Message[]> {
  await takeAway()
  const names = (await readdir(taken)).toSorted()
  const texts = await Promise.all(names.map((name) => readFile(join(taken, name), 'utf8')))
  return texts.flatMap((text) => text.split('\n').filter(Boolean)).map((line) => JSON.parse(line) as Message)
}

async function loads(expected: readonly Message[]): Promise<void> {
  await until(async () => (await load()).length >= expected.length, `${expected.length} messages are loaded`)
  assert.deepEqual(await load(), expected)
}

test('a part that was published and taken away is not missed by the next life', async () => {
  await world.start()
  const sent = [...world.send('a', 'b')]
  await world.publish()
  await loads(sent)
  await world.idle()
  sent.push(...world.send('c'))
  await world.publish()
  await loads(sent)
  await world.idle()
  // The snapshot has the last part as not published.
  world.kill()
  await world.start()
  sent.push(...world.send('d'))
  await world.publish()
  await loads(sent)
  assert.deepEqual(world.failures, [])
})

test('with another number of instances, what was taken away is not missed either', async () => {
  world.instances = 3
  await world.start()
  const sent = [...world.send('a', 'b', 'c', 'd', 'e', 'f')]
  await world.publish()
  await until(async () => (await load()).length === sent.length, 'all is loaded')
  await world.idle()
  world.kill()
  world.instances = 1
  await world.start()
  sent.push(...world.send('a'))
  await world.publish()
  await until(async () => (await load()).length === sent.length, 'all is loaded')
  const byNumber = (await load()).toSorted((one, other) => one.number - other.number)
  assert.deepEqual(byNumber, sent)
  assert.deepEqual(world.failures, [])
})

const stagedParts = async (): Promise<readonly string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.staged'))

test('what was staged for snapshots that came to nothing goes when a later one is published', async () => {
  for (let life = 0; life < 3; life++) {
    await world.start()
    world.send('a')
    await world.handled()
    await world.snapshot()
    world.kill()
  }
  assert.equal((await stagedParts()).length, 3)
  await world.start()
  await world.publish()
  await world.idle()
  assert.deepEqual(await stagedParts(), [])
  assert.equal((await load()).length, 3)
})

test('one that was replaced before it was ready removes nothing that its successor has staged', async (t) => {
  await world.start()
  const sent = [...world.send('a')]
  await world.publish()
  await world.idle()
  world.kill()
  const late = new HeldCall(t, 'readdir', (path) => path === folder)
  const replaced = world.start()
  await late.reached
  world.kill()
  await world.start()
  sent.push(...world.send('b'))
  await world.handled()
  await world.snapshot()
  const staged = await stagedParts()
  assert.equal(staged.length, 1)
  late.release()
  await replaced
  assert.deepEqual(await stagedParts(), staged)
  world.commit()
  world.tell()
  await loads(sent)
  assert.deepEqual(world.failures, [])
})

const writer = 'test/net/out/0'
const use = (): { path: string; component: string; field: string; for: 'writing' } => ({
  path: join(folder, 'out.jsonl'),
  component: 'out',
  field: 'path',
  for: 'writing',
})

test('PP-3 a crash between the mark and the name of a part: the next life gives it its name', async () => {
  const snapshot = { incarnation: 1, id: 5 }
  const piece = await stagePart('five\n', { writer, snapshot }, use())
  const other = await stagePart('four\n', { writer, snapshot: { incarnation: 1, id: 4 } }, use())
  await writeFile(join(folder, '.out-0.jsonl.published'), JSON.stringify({ writer, ...snapshot }))
  assert.deepEqual(await recoverPart(writer, undefined, use()), snapshot)
  assert.deepEqual(await visible(), ['out-0-0000000001-0000000005.jsonl'])
  // Of a snapshot that came to nothing, as far as is known.
  assert.ok((await readdir(folder)).some((name) => other.staged.endsWith(name)))
  await takeAway()
  await publishPart({ writer, snapshot, staged: piece }, use())
  assert.deepEqual(await visible(), [])
})

test('a part that is neither staged nor published is missed', async () => {
  const snapshot = { incarnation: 1, id: 5 }
  const piece = await stagePart('five\n', { writer, snapshot }, use())
  await rm(piece.staged)
  await assert.rejects(publishPart({ writer, snapshot, staged: piece }, use()), { code: 'SINK_TARGET_LOST' })
  await assert.rejects(recoverPart(writer, snapshot, use()), { code: 'SINK_TARGET_LOST' })
})

test('parts of a newer incarnation are not written over by one that does not know of it', async () => {
  const newer = { incarnation: 2, id: 1 }
  await publishPart(
    { writer, snapshot: newer, staged: await stagePart('new\n', { writer, snapshot: newer }, use()) },
    use(),
  )
  const snapshot = { incarnation: 1, id: 5 }
  const piece = await stagePart('old\n', { writer, snapshot }, use())
  await assert.rejects(publishPart({ writer, snapshot, staged: piece }, use()), { code: 'SINK_AHEAD' })
})
