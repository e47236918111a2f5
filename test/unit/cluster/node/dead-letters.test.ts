import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { DeadLetters } from '../../../../src/cluster/node/dead-letters.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { eventually } from '../../../support/eventually.ts'

interface World {
  readonly folder: string
  readonly letters: DeadLetters
  readonly clock: TestClock
  readonly troubles: string[]
  readonly lost: number[]
  readonly taken: unknown[]
  readonly write: (message: unknown, network?: string) => void
}

async function world(t: TestContext, name = 'there'): Promise<World> {
  const above = await mkdtemp(join(tmpdir(), 'vertigo-letters-'))
  t.after(() => rm(above, { recursive: true, force: true }))
  const folder = join(above, name)
  const clock = new TestClock()
  const troubles: string[] = []
  const lost: number[] = []
  const taken: unknown[] = []
  const letters = new DeadLetters({
    folder,
    node: 'n/1',
    clock,
    troubled: (_, error) => troubles.push(error.code),
    lost: (_, count) => lost.push(count),
  })
  t.after(() => letters.close())
  const error = { name: 'Error', message: 'no' }
  const write = (message: unknown, network = 'net'): void => {
    const record = { component: 'c', instance: 0, port: 'in', message, error, timeMs: 1 }
    letters.write(network, record, () => taken.push(message))
  }
  return { folder, letters, clock, troubles, lost, taken, write }
}

async function messages(file: string): Promise<unknown[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
  return lines.map((line) => (JSON.parse(line) as { message: unknown }).message)
}

test('records are in the file of their network and node when they count as taken', async (t) => {
  const { folder, letters, taken, write } = await world(t)
  await mkdir(folder)
  for (let n = 0; n < 100; n++) write(n)
  write('other', '../up')
  await eventually('all are taken', () => taken.length === 101)
  assert.deepEqual((await readdir(folder)).toSorted(), [
    '%2E.%2Fup.n%2F1.dead-letter.jsonl',
    'net.n%2F1.dead-letter.jsonl',
  ])
  assert.deepEqual(
    await messages(letters.fileOf('net')),
    Array.from({ length: 100 }, (_, n) => n),
  )
})

test('a file that cannot be written is tried again, and its records wait', async (t) => {
  const { folder, letters, clock, troubles, taken, lost, write } = await world(t)
  write(1)
  await eventually('it is told', () => troubles.length === 1)
  write(2)
  assert.deepEqual([troubles, taken], [['FILE_NOT_WRITABLE'], []])
  await mkdir(folder)
  await eventually('it is tried again', () => {
    clock.advance(1_000)
    return taken.length === 2
  })
  assert.deepEqual(await messages(letters.fileOf('net')), [1, 2])
  assert.deepEqual(lost, [])
})

test('a node that ends holds nobody, and tells what is in no file', async (t) => {
  const { letters, troubles, taken, lost, write } = await world(t)
  write(1)
  await eventually('it is told', () => troubles.length === 1)
  await letters.close()
  assert.deepEqual([taken, lost], [[1], [1]])
})
