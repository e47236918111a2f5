import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { readStatus } from '../../../../src/base/process-status.ts'
import { Claims } from '../../../../src/store/lmdb/claims.ts'
import { pidNamespace } from '../../../../src/store/lmdb/processes.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'

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

test('a claim whose process cannot be seen counts for a limited time (CL-4)', { skip }, async (t) => {
  const { startTicks } = readStatus(process.pid)!
  const folder = makeFolder(t, `open-${process.pid}-0-${startTicks}-1`)
  const clock = new TestClock()
  const durationMs = await lastsMs(clock, new Claims(folder, clock).untilNone('open', wait))
  assert.ok(durationMs >= 10_000 && durationMs < 11_000, `it counted for ${durationMs} ms`)
  assert.deepEqual(readdirSync(join(folder, 'claims')), [])
})

test('a store that was taken away is closed all the same, and not made anew', { skip }, async (t) => {
  const folder = join(makeFolder(t), 'gone')
  let isClosed = false
  const close = async (): Promise<void> => void (isClosed = true)
  await new Claims(folder, new TestClock()).whileNobodyOpens(close, wait)
  assert.equal(isClosed, true)
  assert.equal(existsSync(folder), false)
})
