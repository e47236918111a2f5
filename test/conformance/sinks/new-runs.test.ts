import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileSink } from '../../../src/connectors/file/sink.ts'
import type { Json } from '../../../src/model/network.ts'
import { type Message, SinkWorld, until } from './world.ts'

/** A network that is deployed over the files of its last run: afresh, or from where that was. */
let folder: string
let worlds: SinkWorld[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vertigo-runs-'))
  worlds = []
})

afterEach(async () => {
  for (const world of worlds) await world.close()
  await rm(folder, { recursive: true })
})

function open(config: Readonly<Record<string, Json>> = {}, name = 'out.jsonl', instances = 1): SinkWorld {
  const world = new SinkWorld({
    kind: fileSink,
    config: { path: join(folder, name), ...config },
    instances,
  })
  worlds.push(world)
  return world
}

async function read(name = 'out.jsonl'): Promise<string> {
  return readFile(join(folder, name), 'utf8')
}

const lines = (...all: readonly (readonly Message[])[]): string =>
  all
    .flat()
    .map((message) => `${JSON.stringify(message)}\n`)
    .join('')

async function shows(expected: string, name?: string): Promise<void> {
  await until(async () => (await read(name).catch(() => '')) === expected, `the file has ${expected}`).catch(
    async () => assert.equal(await read(name), expected),
  )
}

/** All that the source has is published, and the network is stopped. */
async function run(world: SinkWorld): Promise<void> {
  await world.start()
  await world.publish()
  await world.close()
}

test('a fresh run replaces the file of the run before with its first output, and grows from there', async () => {
  const world = open()
  const first = world.send('a', 'b')
  await run(world)
  await shows(lines(first))
  world.forgetSnapshots()
  await world.start()
  await shows(lines(first))
  // Its source begins at the beginning as well.
  await world.publish()
  await shows(lines(first))
  const more = world.send('c')
  await world.publish()
  await shows(lines(first, more))
  await world.idle()
  assert.deepEqual(world.failures, [])
})

test('a fresh run that is recovered before its first snapshot begins afresh, and later goes on', async () => {
  const world = open()
  const first = world.send('a')
  await run(world)
  world.forgetSnapshots()
  await world.start()
  await world.handled()
  await world.snapshot()
  world.kill()
  await world.start()
  await world.publish()
  await shows(lines(first))
  const more = world.send('b')
  await world.handled()
  await world.snapshot()
  world.commit()
  world.kill()
  await world.start()
  await shows(lines(first, more))
  assert.deepEqual(world.failures, [])
})

test('a run that goes on from a snapshot appends to the file', async () => {
  const world = open()
  const first = world.send('a', 'b')
  await run(world)
  const more = world.send('c')
  await run(world)
  await shows(lines(first, more))
})

test('with `append`, a fresh run keeps what there is', async () => {
  await writeFile(join(folder, 'out.jsonl'), 'before\n')
  const world = open({ append: true })
  const first = world.send('a')
  await run(world)
  world.forgetSnapshots()
  await run(world)
  await shows(`before\n${lines(first, first)}`)
})

test('a fresh run that writes nothing leaves an empty file in the place of the one before', async () => {
  const world = open()
  world.send('a')
  await run(world)
  const empty = open()
  // Ids of snapshots go on from those of the run before.
  for (let id = 0; id < 3; id++) {
    await empty.start()
    await empty.snapshot()
    empty.kill()
  }
  await empty.start()
  await empty.finish()
  await shows('')
})

test('an instance whose number is new goes on with the file that an earlier one of its number wrote', async () => {
  const world = open({}, 'out.jsonl', 2)
  world.send('a', 'b', 'c', 'd', 'e', 'f')
  await run(world)
  const [first, second] = [await read('out-0.jsonl'), await read('out-1.jsonl')]
  assert.ok(first !== '' && second !== '', 'both have written')
  world.instances = 1
  await run(world)
  world.instances = 2
  world.send('a', 'b', 'c', 'd', 'e', 'f')
  await run(world)
  const [firstNow, secondNow] = [await read('out-0.jsonl'), await read('out-1.jsonl')]
  assert.equal(firstNow.slice(0, first.length), first)
  assert.equal(secondNow.slice(0, second.length), second)
  assert.ok(firstNow.length > first.length && secondNow.length > second.length, 'both have gone on')
})

test('a copy that a fresh run gets later replaces what the run before has written under its name', async () => {
  const world = open({}, 'out.jsonl', 3)
  const before = world.send('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i')
  await run(world)
  const old = await read('out-2.jsonl')
  assert.ok(old !== '', 'the third has written')
  world.forgetSnapshots()
  world.instances = 2
  await run(world)
  await shows(old, 'out-2.jsonl')
  world.instances = 3
  world.send('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i')
  await run(world)
  const now = await read('out-2.jsonl')
  const numbers = now.split('\n').slice(0, -1)
  assert.ok(numbers.length > 0, 'the third has written again')
  for (const line of numbers)
    assert.ok((JSON.parse(line) as Message).number >= before.length, `is of the run before: ${line}`)
  // From there it goes on, as the others do.
  world.instances = 2
  await run(world)
  world.instances = 3
  world.send('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i')
  await run(world)
  assert.equal((await read('out-2.jsonl')).slice(0, now.length), now)
  assert.ok((await read('out-2.jsonl')).length > now.length, 'it has gone on')
})

test('a fresh run that goes on before its first output replaces the file with that all the same', async () => {
  const world = open()
  const first = world.send('a', 'b')
  await run(world)
  const fresh = open()
  // Ids of snapshots go on from those of the run before.
  for (let id = 0; id < 3; id++) {
    await fresh.start()
    await fresh.snapshot()
    fresh.kill()
  }
  await fresh.start()
  await fresh.publish()
  fresh.kill()
  await fresh.start()
  await shows(lines(first))
  const later = fresh.send('c')
  await fresh.publish()
  await shows(lines(later))
})

test('a sink that begins afresh in a run that goes on appends to its file, also after a failure before its first output', async () => {
  const world = open()
  const first = world.send('a')
  await run(world)
  await world.start({ discards: true })
  await world.snapshot()
  world.commit()
  world.kill()
  await world.start()
  const later = world.send('b')
  await world.publish()
  await shows(lines(first, later))
})

test('a sink that begins afresh without its file drops what was committed, and says so', async () => {
  const world = open()
  world.send('a')
  await run(world)
  world.send('b')
  await world.start()
  await world.handled()
  await world.snapshot()
  world.commit()
  world.kill()
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true })
  await assert.rejects(world.start(), { code: 'SINK_TARGET_LOST' })
  world.kill()
  await world.start({ discards: true })
  const [told, ...more] = world.log
  assert.match(
    told!,
    /^SINK_DISCARDED: out\[0\] begins afresh: what test\/net\/out\/0 received for snapshot 2 is committed, /,
  )
  assert.deepEqual(more, [])
  const later = world.send('c')
  await world.publish()
  await shows(lines(later))
})

test('a fresh run with a table has its heading once', async () => {
  const world = open({}, 'out.csv')
  world.send('a')
  await run(world)
  world.forgetSnapshots()
  await world.start()
  await world.publish()
  world.send('b')
  await world.publish()
  await shows('key,number\na,0\nb,1\n', 'out.csv')
})

test('parts of a run before stay beside those of a fresh one, under names of their own', async () => {
  const world = open({ parts: true })
  const first = world.send('a')
  await run(world)
  world.forgetSnapshots()
  await run(world)
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.')).toSorted()
  assert.equal(names.length, 2)
  for (const name of names) await shows(lines(first), name)
})
