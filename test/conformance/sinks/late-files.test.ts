import assert from 'node:assert/strict'
import { constants } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { publishPiece } from '../../../src/connectors/file/published.ts'
import { fileSink } from '../../../src/connectors/file/sink.ts'
import type { Json } from '../../../src/model/network.ts'
import { HeldCall } from '../../support/held-call.ts'
import { type Message, SinkWorld, until } from './world.ts'

/** Instances that were replaced, and stand still between two calls of the operating system while their successors publish. */
let folder: string
let path: string
let world: SinkWorld

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vertigo-late-'))
  path = join(folder, 'out.jsonl')
  world = open()
})

afterEach(async () => {
  await world.close()
  await rm(folder, { recursive: true })
})

function open(config: Readonly<Record<string, Json>> = {}): SinkWorld {
  return new SinkWorld({ kind: fileSink, config: { path, ...config } })
}

const linesOf = (messages: readonly Message[]): string =>
  messages.map((message) => `${JSON.stringify(message)}\n`).join('')

async function shows(messages: readonly Message[], before = ''): Promise<void> {
  const expected = before + linesOf(messages)
  await until(
    async () => (await readFile(path, 'utf8').catch(() => '')) === expected,
    'the file has all',
  ).catch(async () => assert.equal(await readFile(path, 'utf8'), expected))
}

const stagedFirsts = async (): Promise<readonly string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.first'))

for (const there of ['no file', 'a file of the run before'])
  test(`PB-4: where ${there} is, one that stands still before it replaces it takes nothing from its successor`, async (t) => {
    if (there !== 'no file') await writeFile(path, 'before\n'.repeat(100))
    const late = new HeldCall(t, 'rename', (_from, to) => to === path)
    await world.start()
    const sent = [...world.send('a', 'b')]
    await world.publish()
    await late.reached
    world.kill()
    await world.start()
    sent.push(...world.send('c'))
    await world.publish()
    await shows(sent)
    late.release()
    await late.over
    await world.idle()
    await shows(sent)
    world.kill()
    await world.start()
    sent.push(...world.send('d'))
    await world.publish()
    await shows(sent)
    assert.deepEqual(world.failures, [])
    assert.deepEqual(await stagedFirsts(), [])
  })

test('PB-1: one that stands still before it makes the file cuts nothing off from its successor', async (t) => {
  world = open({ append: true })
  const creates = (flags: unknown): boolean =>
    flags === 'w' || (typeof flags === 'number' && (flags & constants.O_CREAT) !== 0)
  const late = new HeldCall(t, 'open', (opened, flags) => opened === path && creates(flags))
  await world.start()
  const sent = [...world.send('a', 'b')]
  await world.publish()
  await late.reached
  world.kill()
  await world.start()
  sent.push(...world.send('c'))
  await world.publish()
  await shows(sent)
  late.release()
  await late.over
  await world.idle()
  await shows(sent)
})

test('PB-4: what was staged for snapshots that came to nothing goes when a later one is published', async () => {
  for (let life = 0; life < 3; life++) {
    await world.start()
    world.send('a')
    await world.handled()
    await world.snapshot()
    world.kill()
  }
  assert.equal((await stagedFirsts()).length, 3)
  await world.start()
  await world.publish()
  await world.idle()
  assert.deepEqual(await stagedFirsts(), [])
  assert.equal((await readFile(path, 'utf8')).split('\n').length, 4)
})

test('PB-4: a file whose first piece is not staged any more is made of the piece', async () => {
  await writeFile(path, 'before\n')
  await world.start()
  const sent = [...world.send('a')]
  await world.handled()
  await world.snapshot()
  world.commit()
  world.kill()
  for (const name of await stagedFirsts()) await rm(join(folder, name))
  await world.start()
  await shows(sent)
  sent.push(...world.send('b'))
  await world.publish()
  await shows(sent)
})

test('PB-4: a first piece that a version of before has prepared replaces the file', async () => {
  await writeFile(path, 'before\n')
  const use = { path, component: 'out', field: 'path', for: 'writing' } as const
  const staged = { path, at: 0, text: 'new\n', isFirst: true, replaces: true }
  const batch = { writer: 'test/net/out/0', snapshot: { incarnation: 1, id: 1 }, staged }
  await publishPiece(batch, use)
  assert.equal(await readFile(path, 'utf8'), 'new\n')
  await writeFile(path, 'new\nmore\n')
  await publishPiece(batch, use)
  assert.equal(await readFile(path, 'utf8'), 'new\nmore\n')
})
