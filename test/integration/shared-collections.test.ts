import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { MessageChannel } from 'node:worker_threads'
import { run, type Running, type RunOptions } from 'vertigo-flow'
import { machineClock, systemClock } from '../../src/base/clock.ts'
import { isVertigoError } from '../../src/base/errors.ts'
import { systemRandom } from '../../src/base/random.ts'
import { run as runWith } from '../../src/run/run.ts'
import { openRetryMs, RunStore } from '../../src/run/run-store.ts'
import { openCollections } from '../../src/store/collections/index.ts'
import { connectStore, createRunStore, openStore, storesUrl } from '../../src/stores.ts'
import { TestClock } from '../../src/testkit/test-clock.ts'
import { eventually, within } from '../support/eventually.ts'
import { patienceMs, patient } from '../support/store/patient-store.ts'
import { patientStoresUrl } from '../support/store/patient-stores.ts'

/** `context.shared` in real runs: all workers see the same collections. */

const kinds = fileURLToPath(new URL('../fixtures/shared/kinds.ts', import.meta.url))
const builtInKinds = new URL('../../src/built-in-kinds.ts', import.meta.url).href
let folder = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vertigo-shared-'))
})
after(() => rm(folder, { recursive: true, force: true }))

const numbers = 200

let networks = 0

async function start(options: RunOptions): Promise<Running> {
  const file = join(folder, `network-${networks++}.json`)
  const network = {
    name: 'counting',
    components: {
      numbers: { kind: 'generator', config: { from: 1, count: numbers } },
      count: { kind: `${kinds}#count`, instances: 3 },
      report: { kind: `${kinds}#report` },
    },
    connections: [
      { from: 'numbers.out', to: 'count.in', selector: 'round-robin' },
      { from: 'count.out', to: 'report.in' },
    ],
    exports: { outputs: { results: 'report.out' } },
  }
  await writeFile(file, JSON.stringify(network))
  const attached = { ...options, attach: ['results'] }
  if (options.store?.startsWith('lmdb:') !== true) return run(file, attached)
  return runWith(file, { ...attached, builtInKinds, stores: patientStoresUrl })
}

async function collect(output: AsyncIterable<unknown>): Promise<unknown[]> {
  const messages: unknown[] = []
  for await (const message of output) messages.push(message)
  return messages
}

async function counted(options: RunOptions): Promise<unknown[]> {
  const running = await start(options)
  const results = collect(running.output('results'))
  // The error of the run says more.
  results.catch(() => undefined)
  await running.done
  return results
}

for (const options of [{ workers: 0 }, { workers: 3 }, { workers: 2, store: 'memory:' }]) {
  test(`the instances of a run share collections: ${JSON.stringify(options)}`, async () => {
    assert.deepEqual(await counted(options), [
      { sum: (numbers * (numbers + 1)) / 2, seen: numbers, instances: [0, 1, 2] },
    ])
  })
}

test('a store that cannot be opened ends the run before a message flows', async () => {
  const file = join(folder, 'no-folder')
  await writeFile(file, '')
  for (const workers of [0, 2]) {
    await assert.rejects(
      counted({ store: `lmdb:${file}`, workers }),
      (error) =>
        isVertigoError(error) && error.code === 'STORE_FOREIGN' && error.place.component === undefined,
    )
  }
})

const total = (numbers * (numbers + 1)) / 2

for (const workers of [0, 3]) {
  test(`all workers use the store that was chosen: ${workers} workers over one in a folder`, async () => {
    const options = { workers, store: `lmdb:${join(folder, `workers-${workers}`)}` }
    assert.deepEqual(await counted(options), [{ sum: total, seen: numbers, instances: [0, 1, 2] }])
    // What was written is there for the next run.
    assert.deepEqual(await counted(options), [{ sum: 2 * total, seen: numbers, instances: [0, 1, 2] }])
  })
}

test('RS-2: a component that blocks its thread while it writes does not hold the lock of a store in a folder', async (t) => {
  const marks = join(folder, 'blocked-marks')
  await mkdir(marks)
  const url = `lmdb:${join(folder, 'blocked')}`
  const file = join(folder, 'blocked.json')
  const network = {
    name: 'blocking',
    components: {
      once: { kind: 'generator', config: { from: 1, count: 1 } },
      block: { kind: `${kinds}#blocker`, config: { folder: marks, limitMs: 45_000 } },
    },
    connections: [{ from: 'once.out', to: 'block.in' }],
  }
  await writeFile(file, JSON.stringify(network))
  const store = patient(await openStore(url, machineClock, { timeoutMs: patienceMs }))
  t.after(() => store.close())
  const here = openCollections(store, { clock: systemClock, random: systemRandom })
  t.after(() => here.close())
  const running = await run(file, { workers: 1, store: url, stallMs: 300_000 })
  const isMade = (mark: string): boolean => existsSync(join(marks, mark))
  let hasEnded = false
  const done = running.done.finally(() => (hasEnded = true))
  // It is awaited at the end.
  done.catch(() => undefined)
  let blockedMs: number | undefined
  // Also before it blocks, so that one of its own calls waits for the lock then.
  for (let left = 5; left > 0 || systemClock.monotonic() < blockedMs! + 1_000;) {
    await here.map<number>('other').set('key', left)
    if (hasEnded) break
    if (!isMade('blocks')) continue
    blockedMs ??= systemClock.monotonic()
    left--
  }
  assert.equal(isMade('late'), false, 'they were not done before it went on')
  await writeFile(join(marks, 'enough'), '')
  await done
})

test('two runs at once share the collections of one store', async () => {
  const store = `lmdb:${join(folder, 'two-runs')}`
  const reports = await Promise.all([counted({ workers: 2, store }), counted({ workers: 2, store })])
  const sums = reports.map(([report]) => (report as { readonly sum: number }).sum)
  for (const sum of sums) assert.ok(sum >= total && sum <= 2 * total, `${sum}`)
  // Who is last has counted what both have.
  assert.equal(Math.max(...sums), 2 * total)
})

test('a run whose own store cannot be made for a thread fails with the error', async () => {
  const modules = join(folder, 'stores.mjs')
  await writeFile(modules, `export const createRunStore = () => Promise.reject(new Error('no memory left'))`)
  const runStore = new RunStore(pathToFileURL(modules).href, undefined, systemClock)
  const failed = new Promise((resolve) => {
    const place = runStore.placeForThread(resolve)
    assert.ok('port' in place)
    place.port.postMessage({ type: 'hello' })
    place.port.unref()
  })
  assert.match(String(await within('the failure is told', 60_000, failed)), /no memory left/)
  await runStore.close()
})

test('a store that cannot be opened at first serves the thread that asked for it, when it can be', async () => {
  const modules = join(folder, 'late-stores.mjs')
  await writeFile(
    modules,
    `import { createRunStore as create } from ${JSON.stringify(storesUrl)}
    let tries = 0
    export const createRunStore = (...given) =>
      tries++ === 0 ? Promise.reject(new Error('its lock is held')) : create(...given)`,
  )
  const clock = new TestClock()
  const runStore = new RunStore(pathToFileURL(modules).href, undefined, clock)
  const failures: string[] = []
  const place = runStore.placeForThread((error) => failures.push(String(error)))
  assert.ok('port' in place)
  const store = await connectStore(place.port, systemClock)
  const asked = store.get('a')
  await eventually('the failure is told', () => failures.length > 0)
  clock.advance(openRetryMs)
  assert.equal((await within('the thread is answered', 60_000, asked)).entry, undefined)
  assert.deepEqual(failures, ['Error: its lock is held'])
  await store.close()
  await runStore.close()
})

test('an address that is none is refused before anything starts', async () => {
  await assert.rejects(
    counted({ store: 'nowhere' }),
    (error) =>
      isVertigoError(error) && error.code === 'STORE_URL_INVALID' && error.message.includes('nowhere'),
  )
})

test('a store in another thread: watches, errors, and its end', async () => {
  const { store: own, serve } = await createRunStore(systemClock)
  const { port1, port2 } = new MessageChannel()
  serve(port1, assert.ifError)
  const store = await connectStore(port2, systemClock)
  const here = openCollections(own, { clock: systemClock, random: systemRandom })
  const there = openCollections(store, { clock: systemClock, random: systemRandom })
  const changes = await there.map<number>('m').watch()
  await here.map('m').set('a', 1)
  for await (const change of changes) {
    assert.deepEqual([change.type, change.key], ['create', 'a'])
    break
  }
  const hold = await there.lock('l').acquire()
  assert.equal(await here.lock('l').tryAcquire(), undefined)
  await hold.release()
  await assert.rejects(
    store.keepAlive('77' as Parameters<typeof store.keepAlive>[0]),
    (error) => isVertigoError(error) && error.code === 'STORE_LEASE_LOST',
  )
  const waiting = assert.rejects(
    there.queue('q').take(),
    (error) => isVertigoError(error) && error.code === 'STORE_CLOSED',
  )
  // The wait is under way when another call has been answered.
  await there.queue('q').size()
  await there.close()
  await store.close()
  await waiting
  await here.close()
  await own.close()
  port1.close()
})
