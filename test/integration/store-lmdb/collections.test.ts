import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../../src/base/clock.ts'
import { systemRandom } from '../../../src/base/random.ts'
import { openCollections } from '../../../src/store/collections/index.ts'
import { within } from '../../support/eventually.ts'
import { makeFolder, openStore } from './support.ts'

/** Collections of several processes over one store in a folder, where nobody is killed. */

export interface SharedOrder {
  readonly folder: string
  readonly name: string
  readonly rounds: number
  readonly processes: number
}

export interface SharedReport {
  readonly word: 'report'
  /** How many values this process was the one to add to the set, and to remove from it. */
  readonly added: number
  readonly removed: number
  /** All messages of the topic, in their order. */
  readonly heard: readonly string[]
  readonly missed: number
}

const script = fileURLToPath(new URL('collections-child.ts', import.meta.url))
const rounds = 30
const names = ['a', 'b', 'c']
const deadlineMs = 120_000

interface Sharer {
  readonly child: ChildProcess
  readonly ready: Promise<unknown>
  readonly report: Promise<SharedReport>
}

function startSharer(t: TestContext, folder: string, name: string): Sharer {
  const order: SharedOrder = { folder, name, rounds, processes: names.length }
  const child = fork(script, [JSON.stringify(order)], { execArgv: ['--conditions=vertigo-src'] })
  t.after(() => child.kill('SIGKILL'))
  const hear = <T extends { readonly word: string }>(word: T['word']): Promise<T> =>
    new Promise((resolve, reject) => {
      child.on('message', (message: T) => {
        if (message.word === word) resolve(message)
      })
      child.once('exit', (code) => reject(new Error(`${name} ended with ${code} before it told "${word}"`)))
    })
  const report = hear<SharedReport>('report')
  // It is awaited when all are ready.
  report.catch(() => undefined)
  return { child, ready: hear('ready'), report }
}

const own = (elements: readonly string[], name: string): readonly string[] =>
  elements.filter((element) => element.startsWith(`${name}/`))
const inOrder = (name: string): readonly string[] =>
  Array.from({ length: rounds }, (_, round) => `${name}/${round}`)

test('list, set, multimap and topic of several processes', async (t) => {
  const folder = makeFolder(t)
  const sharers = names.map((name) => startSharer(t, folder, name))
  await within('all processes are ready', deadlineMs, Promise.all(sharers.map(({ ready }) => ready)))
  for (const { child } of sharers) child.send('go')
  const reports = await within(
    'all processes report',
    deadlineMs,
    Promise.all(sharers.map(({ report }) => report)),
  )

  const store = await openStore(t, folder)
  const collections = openCollections(store, { clock: systemClock, random: systemRandom })
  const everything = names.flatMap((name) => inOrder(name)).toSorted()

  const listed = await collections.list<string>('list').values()
  assert.deepEqual(listed.toSorted(), everything)
  for (const name of names) assert.deepEqual(own(listed, name), inOrder(name), 'those of one pusher in order')

  const sum = (of: 'added' | 'removed'): number => reports.reduce((all, report) => all + report[of], 0)
  assert.equal(await collections.set('set').size(), sum('added') - sum('removed'))
  assert.ok(
    sum('added') >= rounds && sum('removed') >= rounds / 2,
    'each value was added, each second removed',
  )

  const multimap = await collections.multimap<string>('multimap').entries()
  assert.deepEqual(multimap.get('all')?.toSorted(), everything)
  assert.equal(multimap.size, rounds + 1)
  for (let round = 0; round < rounds; round++) assert.deepEqual(multimap.get(`${round}`)?.toSorted(), names)

  const [first] = reports
  for (const { heard, missed } of reports) {
    assert.deepEqual(heard, first!.heard, 'all hear the same order')
    assert.equal(missed, 0)
  }
  assert.deepEqual(first!.heard.toSorted(), everything)
  for (const name of names) assert.deepEqual(own(first!.heard, name), inOrder(name))
  await collections.close()
})
