import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { readProc, readStatus } from '../../../../src/base/process-status.ts'
import { Claims } from '../../../../src/store/lmdb/claims.ts'
import { pidNamespace } from '../../../../src/store/lmdb/processes.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { eventually } from '../../../support/eventually.ts'

const skip = process.platform !== 'linux'
const wait = { patienceMs: () => 100 }

function makeFolder(t: TestContext, ...claims: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-claims-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'claims'))
  for (const name of claims) writeFileSync(join(folder, 'claims', name), '')
  return folder
}

/** How long it takes by the clock, in steps of 10 ms. */
async function lastsMs(clock: TestClock, waiting: Promise<unknown>): Promise<number> {
  const state = { isOver: false }
  const over = waiting.then(() => (state.isOver = true))
  for (let passedMs = 0; passedMs < 60_000; passedMs += 10) {
    await setImmediate()
    if (state.isOver) return passedMs
    clock.advance(10)
  }
  return Promise.race([over, Promise.reject(new Error('it did not end within 60 s of its clock'))]).then(
    () => 60_000,
  )
}

test(
  'a claim counts until it is withdrawn, and that of one kind is none of the other',
  { skip },
  async (t) => {
    const folder = makeFolder(t)
    const claims = new Claims(folder, new TestClock())
    assert.equal(claims.isOpening(), false)
    claims.place('close')
    assert.equal(claims.isOpening(), false)
    claims.place('open')
    assert.equal(claims.isOpening(), true)
    const isOver = (): boolean => true
    assert.deepEqual(await claims.untilNone('open', { ...wait, isOver }), [process.pid])
    claims.withdraw('open')
    claims.withdraw('open')
    assert.equal(claims.isOpening(), false)
    assert.deepEqual(await claims.untilNone('open', wait), [])
  },
)

test(
  'a claim of a process that is no more, or whose number is of another one now, goes (CL-4)',
  { skip },
  async (t) => {
    const namespace = pidNamespace()
    const gone = `open-${2 ** 30}-0-1-${namespace}`
    const other = `open-${process.pid}-0-1-${namespace}`
    const folder = makeFolder(t, gone, other)
    const clock = new TestClock()
    assert.equal(await lastsMs(clock, new Claims(folder, clock).untilNone('open', wait)), 0)
    assert.deepEqual(readdirSync(join(folder, 'claims')), [])
  },
)

const source = (path: string): string => new URL(`../../../../src/${path}`, import.meta.url).href

test('a claim of a thread that has ended goes, though its process goes on (CL-4)', { skip }, async (t) => {
  const folder = makeFolder(t)
  const script = `
    const { workerData, parentPort } = require('node:worker_threads')
    Promise.all([import(workerData.claims), import(workerData.clock)]).then(([{ Claims }, { machineClock }]) => {
      new Claims(workerData.folder, machineClock).place('open')
      parentPort.postMessage('claimed')
      setInterval(() => undefined, 1_000)
    })`
  const workerData = { claims: source('store/lmdb/claims.ts'), clock: source('base/clock.ts'), folder }
  const worker = new Worker(script, { eval: true, workerData })
  t.after(() => worker.terminate())
  await once(worker, 'message')
  const clock = new TestClock()
  const claims = new Claims(folder, clock)
  const isOver = (): boolean => true
  assert.deepEqual(await claims.untilNone('open', { ...wait, isOver }), [process.pid])
  await worker.terminate()
  assert.equal(await lastsMs(clock, claims.untilNone('open', wait)), 0)
  assert.deepEqual(readdirSync(join(folder, 'claims')), [])
})

test('a process that is dead and that nobody has waited for has no claim (CL-4)', { skip }, async (t) => {
  // What the shell becomes does not know of its child. Before that, it might wait for it.
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => parent.kill('SIGKILL'))
  const [text] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(text.toString())
  await eventually('the shell is another program', () => readProc(`/proc/${parent.pid}/comm`) === 'sleep\n')
  process.kill(pid, 'SIGKILL')
  await eventually('the process is dead', () => readStatus(pid)?.state === 'Z')
  const folder = makeFolder(t, `open-${pid}-0-${readStatus(pid)!.startTicks}-${pidNamespace()}`)
  const clock = new TestClock()
  assert.equal(await lastsMs(clock, new Claims(folder, clock).untilNone('open', wait)), 0)
})

test(
  'a process that is stopped and may not be ended is not waited for without end (CL-4)',
  { skip },
  async (t) => {
    const child = spawn('sleep', ['600'], { stdio: 'ignore' })
    t.after(() => child.kill('SIGKILL'))
    const pid = child.pid!
    const { startTicks } = readStatus(pid)!
    child.kill('SIGSTOP')
    await eventually('the process is stopped', () => readStatus(pid)?.state === 'T')
    // As for a process of another user.
    t.mock.method(process, 'kill', () => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' })
    })
    const folder = makeFolder(t, `open-${pid}-0-${startTicks}-${pidNamespace()}`)
    const clock = new TestClock()
    const durationMs = await lastsMs(clock, new Claims(folder, clock).untilNone('open', wait))
    assert.ok(durationMs >= 2_000 && durationMs < 2_500, `it counted for ${durationMs} ms`)
  },
)

/** As of the first process of another container. */
const unseen = 'open-1-0-1-1'

test(
  'a claim that is not renewed counts for a limited time when its process cannot be seen (CL-5)',
  { skip },
  async (t) => {
    const folder = makeFolder(t, unseen)
    const clock = new TestClock()
    const durationMs = await lastsMs(clock, new Claims(folder, clock).untilNone('open', wait))
    assert.ok(durationMs >= 2_000 && durationMs < 2_500, `it counted for ${durationMs} ms`)
    assert.deepEqual(readdirSync(join(folder, 'claims')), [])
  },
)

test('a claim that is renewed counts, and is renewed by who has it (CL-5)', { skip }, async (t) => {
  const folder = makeFolder(t, unseen)
  const file = join(folder, 'claims', unseen)
  const clock = new TestClock()
  let renewals = 0
  const cancel = clock.every(250, () => {
    utimesSync(file, 1_000, 1_000 + renewals++)
    if (renewals === 20) cancel()
  })
  const durationMs = await lastsMs(clock, new Claims(folder, clock).untilNone('open', wait))
  assert.ok(durationMs >= 7_000 && durationMs < 7_500, `it counted for ${durationMs} ms`)

  const own = new Claims(folder, clock)
  own.place('open')
  const ownFile = join(folder, 'claims', readdirSync(join(folder, 'claims'))[0]!)
  utimesSync(ownFile, 1_000, 1_000)
  clock.advance(250)
  assert.notEqual(statSync(ownFile).mtimeMs, 1_000_000)
  own.withdraw('open')
  clock.advance(250)
  assert.equal(existsSync(ownFile), false)
})

test('whoever places a claim takes older ones of unseen processes away at once (CL-5)', { skip }, (t) => {
  const folder = makeFolder(t, unseen, 'close-2-0-1-1', 'open-3-0-1-1')
  const at = (name: string, ageMs: number): void => {
    const seconds = (Date.now() - ageMs) / 1_000
    utimesSync(join(folder, 'claims', name), seconds, seconds)
  }
  at(unseen, 3_000)
  at('close-2-0-1-1', 3_000)
  const claims = new Claims(folder, new TestClock())
  claims.place('open')
  const names = readdirSync(join(folder, 'claims'))
  assert.equal(names.length, 2)
  assert.ok(names.includes('open-3-0-1-1'))
  claims.withdraw('open')
})

test('a claim that was taken away stands no more, and is not renewed (CL-6)', { skip }, (t) => {
  const folder = makeFolder(t)
  const clock = new TestClock()
  const claims = new Claims(folder, clock)
  claims.place('open')
  assert.equal(claims.stands('open'), true)
  for (const name of readdirSync(join(folder, 'claims'))) rmSync(join(folder, 'claims', name))
  clock.advance(1_000)
  assert.equal(claims.stands('open'), false)
  claims.place('open')
  assert.equal(claims.stands('open'), true)
  claims.withdraw('open')
})

test(
  'who waits for its turn lets go of its claim for the first one by name, also where that comes later (CL-8)',
  { skip },
  async (t) => {
    // Of processes that cannot be seen: their claims count until they are taken away, or get old.
    const [first, last] = ['turn-1-0-1-1', `turn-${'9'.repeat(10)}-0-1-1`]
    const folder = makeFolder(t, last)
    const at = (name: string): string => join(folder, 'claims', name)
    const names = (): readonly string[] => readdirSync(join(folder, 'claims')).toSorted()
    const clock = new TestClock()
    const opening = new Claims(folder, clock).inTurn(() => names(), wait)
    const own = names()[0]!
    assert.deepEqual(names(), [own, last])
    writeFileSync(at(first), '')
    const passes = async (): Promise<void> => {
      clock.advance(20)
      await setImmediate()
    }
    for (let look = 0; look < 5; look++) await passes()
    assert.deepEqual(names(), [first, last])
    rmSync(at(first))
    rmSync(at(last))
    await passes()
    assert.deepEqual(await opening, { opened: [own] })
    assert.deepEqual(names(), [])
  },
)

test('a store that was taken away is closed all the same, and not made anew', { skip }, async (t) => {
  const folder = join(makeFolder(t), 'gone')
  let isClosed = false
  const close = async (): Promise<void> => void (isClosed = true)
  await new Claims(folder, new TestClock()).whileNobodyOpens(close, wait)
  assert.equal(isClosed, true)
  assert.equal(existsSync(folder), false)
})
