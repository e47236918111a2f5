import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorToData, VertigoError } from '../../../../../src/base/errors.ts'
import type { ClientPortCommand } from '../../../../../src/component/client-port.ts'
import { InputLine } from '../../../../../src/cluster/node/ports/input-line.ts'
import { OutputLine } from '../../../../../src/cluster/node/ports/output-line.ts'
import { eventLoopTurn, TestClock } from '../../../../../src/testkit/test-clock.ts'
import { errorCode } from '../../../../support/error-code.ts'

/** The node's ends of the lines to the instances behind exported ports. */

function outputLine(): { line: OutputLine; clock: TestClock; told: () => string[]; signal: AbortSignal } {
  const clock = new TestClock()
  const told: ClientPortCommand[] = []
  const line = new OutputLine((command) => told.push(command), clock)
  return {
    line,
    clock,
    told: () => told.splice(0).map(({ type }) => type),
    signal: new AbortController().signal,
  }
}

const thousand = Array.from({ length: 1000 }, (_, n) => String(n))

test('OL-2 it pulls while all readers have room, and ends one that takes nothing', async () => {
  const { line, clock, told, signal } = outputLine()
  const [quick, stuck] = [line.read(signal), line.read(signal)]
  const begun = Promise.all([quick.next(), stuck.next()])
  await eventLoopTurn()
  assert.deepEqual(told(), ['read'])
  line.receive({ type: 'reading', id: 1 })
  for (const { value } of await begun) assert.deepEqual(value, { type: 'reading' })
  assert.deepEqual(told(), ['pull'])
  let read = 0
  const readAll = (async () => {
    for await (const news of quick) if (news.type === 'messages') read += news.texts.length
  })()
  // The stuck one has asked once, and does not come back.
  const last = stuck.next()
  let parts = 0
  do {
    line.receive({ type: 'messages', texts: thousand })
    parts++
    await eventLoopTurn()
  } while (told().includes('pull') && parts < 100)
  await last
  assert.equal(parts, 5, 'one was taken, four wait')
  assert.equal(read, 5000)
  clock.advance(4_999)
  assert.deepEqual(told(), [])
  clock.advance(2)
  assert.deepEqual(told(), ['pull'], 'the network goes on without it')
  assert.equal(await errorCode(stuck.next()), 'READER_TOO_SLOW')
  line.receive({ type: 'messages', texts: ['last'] })
  line.lost()
  assert.equal(await errorCode(readAll), 'PORT_MOVED')
  assert.equal(read, 5001, 'what had come is given')
})

test('OL-2 who takes something now and then is not ended', async () => {
  const { line, clock, told, signal } = outputLine()
  const reader = line.read(signal)
  const begun = reader.next()
  await eventLoopTurn()
  line.receive({ type: 'reading', id: 1 })
  await begun
  for (let part = 0; part < 20; part++) {
    if (told().includes('pull')) line.receive({ type: 'messages', texts: thousand })
    clock.advance(4_000)
    if (part >= 3) assert.equal((await reader.next()).done, false)
  }
  // Nothing has to be taken where nobody waits.
  while (!told().includes('pull')) await reader.next()
  clock.advance(60_000)
  assert.equal((await reader.next()).done, false)
})

test('OL-1 a reading of before does not count for one who begins later', async () => {
  const { line, told, signal } = outputLine()
  const leaving = new AbortController()
  const first = errorCode(line.read(leaving.signal).next())
  await eventLoopTurn()
  leaving.abort(new Error('enough'))
  assert.match(await first, /enough/)
  let isReading = false
  const second = line.read(signal)
  const begun = second.next().then(() => (isReading = true))
  await eventLoopTurn()
  assert.deepEqual(told(), ['read', 'unread', 'read'])
  line.receive({ type: 'reading', id: 1 })
  await eventLoopTurn()
  assert.equal(isReading, false)
  line.receive({ type: 'reading', id: 2 })
  await begun
})

test('a request is answered, or its time is over: whether it was taken is asked first', async () => {
  const clock = new TestClock()
  const told: ClientPortCommand[] = []
  const line = new InputLine((command) => told.push(command), clock)
  const { signal } = new AbortController()
  const call = { key: 'k', text: '1', timeoutMs: 100, again: false, uncommitted: false }
  const codeOf = (): Promise<string> => errorCode(line.request(call, signal))
  const answered = line.request(call, signal)
  const [failed, late, lateAndTaken, silent] = [codeOf(), codeOf(), codeOf(), codeOf()]
  assert.deepEqual(told[0], { type: 'request', id: 1, ...call })
  for (const id of [1, 2, 3]) line.receive({ type: 'taken', id })
  line.receive({ type: 'answer', id: 1, text: '[1]' })
  const error = errorToData(new VertigoError('REQUEST_FAILED', 'boom'))
  line.receive({ type: 'refused', id: 2, error })
  clock.advance(100)
  line.receive({ type: 'taken', id: 4 })
  assert.equal(await answered, '[1]')
  assert.equal(await failed, 'REQUEST_FAILED')
  assert.deepEqual([await late, await lateAndTaken], ['REQUEST_TIMED_OUT', 'REQUEST_TIMED_OUT'])
  const lost = codeOf()
  clock.advance(1_000)
  assert.equal(await silent, 'SEND_OUTCOME_UNKNOWN')
  line.lost()
  assert.equal(await lost, 'SEND_OUTCOME_UNKNOWN')
  assert.equal(await codeOf(), 'PORT_MOVED')
})

test('a batch is known to be taken, refused, or nothing is known of it', async () => {
  const clock = new TestClock()
  const told: ClientPortCommand[] = []
  const line = new InputLine((command) => told.push(command), clock)
  const { signal } = new AbortController()
  const send = (timeoutMs = 100, by = signal): Promise<string> => errorCode(line.send('[1]', timeoutMs, by))
  const aborting = new AbortController()
  const sent = [send(), send(), send(), send(100, aborting.signal), send(50_000)]
  line.receive({ type: 'taken', id: 1 })
  const error = errorToData(new VertigoError('SEND_TIMED_OUT', 'late'))
  line.receive({ type: 'refused', id: 2, error })
  aborting.abort(new Error('enough'))
  assert.deepEqual(told.at(-1), { type: 'cancel', id: 4 })
  clock.advance(1_101)
  line.lost()
  assert.deepEqual(await Promise.all(sent), [
    'no error',
    'SEND_TIMED_OUT',
    'SEND_OUTCOME_UNKNOWN',
    'Error: enough',
    'SEND_OUTCOME_UNKNOWN',
  ])
  assert.equal(await send(), 'PORT_MOVED')
})
