import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clientDepthMax,
  type ClientPortLine,
  type ClientPortReport,
} from '../../../src/component/client-port.ts'
import type { TrackedOptions } from '../../../src/component/tracking.ts'
import { type CheckMessage, type Emit, InputQueue } from '../../../src/connectors/client/input-queue.ts'
import { OutputBuffer } from '../../../src/connectors/client/output-buffer.ts'
import { RequestBook } from '../../../src/connectors/client/requests.ts'
import { eventLoopTurn, TestClock } from '../../../src/testkit/test-clock.ts'
import { messageDepthMax } from '../../../src/wire/message-check.ts'

const atOnce = (tell: () => void): void => tell()

/** The instances behind exported ports: CP-1 to CP-3 of `component/client-port.ts`. */

class Line implements ClientPortLine {
  readonly told: ClientPortReport[] = []

  tell(report: ClientPortReport): void {
    this.told.push(report)
  }

  close(): void {
    // Nobody is at the other end.
  }

  /** What was told since, in short: `taken 1`, `refused 2 PORT_BUSY`. */
  news(): string[] {
    return this.told.splice(0).map((report) => {
      const { type } = report
      if (type === 'refused') return `refused ${report.id} ${report.error.code}`
      if (type === 'messages') return `messages ${report.texts.join(' ')}`
      if (type === 'answer') return `answer ${report.id} ${report.text}`
      return 'id' in report ? `${type} ${report.id}` : type
    })
  }
}

function emitting(emit: (message: unknown) => void): Emit {
  return Object.assign(emit, { tracked: () => assert.fail('no request') })
}

function input(check?: CheckMessage): {
  queue: InputQueue
  line: Line
  clock: TestClock
  send: (id: number, messages: readonly unknown[], timeoutMs?: number) => void
  poll: (max: number) => unknown[]
} {
  const [line, clock] = [new Line(), new TestClock()]
  const requests = new RequestBook({ clock, isJournaled: false })
  const queue = new InputQueue({ clock, line, check, requests })
  return {
    queue,
    line,
    clock,
    send: (id, messages, timeoutMs = 1000) =>
      queue.obey({ type: 'send', id, text: JSON.stringify(messages), timeoutMs }),
    poll: (max) => {
      const sent: unknown[] = []
      assert.equal(
        queue.poll(
          max,
          emitting((message) => void sent.push(message)),
          atOnce,
        ),
        'more',
      )
      return sent
    },
  }
}

test('CP-1 batches are sent whole: the first that waits, and those that fit', () => {
  const { line, send, poll } = input()
  send(1, [1, 2, 3])
  send(2, [4])
  send(3, [5, 6])
  assert.deepEqual(line.news(), [])
  assert.deepEqual(poll(2), [1, 2, 3])
  assert.deepEqual(line.news(), ['taken 1'])
  assert.deepEqual(poll(2), [4])
  assert.deepEqual(poll(2), [5, 6])
  assert.deepEqual(line.news(), ['taken 2', 'taken 3'])
})

test('CP-2 what is refused is never sent: late, cancelled, misfit, too much, or the instance at its end', async () => {
  const { queue, line, clock, send, poll } = input((message) => {
    if (message === 'misfit') throw Object.assign(new Error('no'), { code: 'MESSAGE_INVALID' })
  })
  send(1, ['late'], 50)
  send(2, ['fits', 'misfit'])
  send(3, ['cancelled'])
  send(4, ['stays'], 5000)
  await eventLoopTurn()
  assert.deepEqual(line.news(), ['refused 2 undefined'])
  queue.obey({ type: 'cancel', id: 3 })
  clock.advance(51)
  assert.deepEqual(line.news(), ['refused 1 SEND_TIMED_OUT'])
  send(5, ['x'.repeat(5_000_000)])
  send(6, ['x'.repeat(5_000_000)])
  assert.deepEqual(line.news(), ['refused 6 PORT_BUSY'])
  await eventLoopTurn()
  assert.deepEqual(poll(1), ['stays'])
  assert.deepEqual(line.news(), ['taken 4'])
  queue.end()
  assert.deepEqual(line.news(), ['refused 5 PORT_MOVED'])
  send(7, ['after'])
  assert.deepEqual(line.news(), ['refused 7 PORT_MOVED'])
  assert.equal(
    await queue.poll(
      10,
      emitting(() => assert.fail('sent')),
      atOnce,
    ),
    'done',
  )
})

test('CP-2 what no message can hold is refused, with all of its batch, before any of it is sent', () => {
  const { queue, line, send, poll } = input()
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
  const sendText = (id: number, text: string): void => queue.obey({ type: 'send', id, text, timeoutMs: 1000 })
  sendText(1, `[1,${nested(clientDepthMax + 1)}]`)
  sendText(2, `[1,{"a":[{"__proto__":{"b":1}}]}]`)
  queue.obey({
    type: 'request',
    id: 3,
    key: 'k',
    text: nested(100_000),
    timeoutMs: 1000,
    again: false,
    uncommitted: false,
  })
  assert.deepEqual(
    line.told.map((report) => report.type === 'refused' && report.error.message),
    [
      'Message 2 of 2 is nested deeper than 200 levels.',
      'Message 2 of 2 has a field named "__proto__".',
      'The message is nested deeper than 200 levels.',
    ],
  )
  assert.deepEqual(
    line.news(),
    [1, 2, 3].map((id) => `refused ${id} CLIENT_MESSAGE_INVALID`),
  )
  const deepest = nested(clientDepthMax)
  sendText(4, `[${deepest}]`)
  send(5, [{ prototype: 1, constructor: 2 }])
  const sent = poll(10)
  assert.deepEqual([JSON.stringify(sent[0]), sent[1]], [deepest, { prototype: 1, constructor: 2 }])
  // Components may put more around it.
  assert.ok(clientDepthMax <= messageDepthMax - 50)
})

test('CP-2 half of a surrogate pair is refused: on its way it would become another character', () => {
  const { line, queue, poll } = input()
  const sendText = (id: number, text: string): void => queue.obey({ type: 'send', id, text, timeoutMs: 1000 })
  sendText(1, String.raw`["a\ud83d"]`)
  sendText(2, String.raw`[{"a":["\uDE00b"]}]`)
  sendText(3, String.raw`[{"\ud83d":1}]`)
  sendText(4, JSON.stringify(['\ud83d']))
  const message = 'The message has half of a surrogate pair in a text, which is no character.'
  assert.deepEqual(
    line.told.map((report) => report.type === 'refused' && report.error.message),
    [message, message, message, message],
  )
  assert.deepEqual(
    line.news(),
    [1, 2, 3, 4].map((id) => `refused ${id} CLIENT_MESSAGE_INVALID`),
  )
  // A pair, as others write it, and what looks like a half and is none.
  sendText(5, String.raw`["\ud83d\ude00", "\\ud83d", {"\uD83D\uDE00": "😀"}]`)
  assert.deepEqual(poll(3), ['😀', String.raw`\ud83d`, { '😀': '😀' }])
})

test('CP-4 each who asks has a deadline of its own until the message is taken', () => {
  const { clock, line, queue } = input()
  const ask = (id: number, key: string, timeoutMs: number): void =>
    queue.obey({ type: 'request', id, key, text: '"m"', timeoutMs, again: false, uncommitted: false })
  const tracked: unknown[] = []
  const emit = Object.assign(() => assert.fail('no request'), {
    tracked: (_message: unknown, { id }: TrackedOptions) => void tracked.push(id),
  })
  ask(1, 'k', 100)
  ask(2, 'k', 300)
  ask(3, 'k', 50)
  ask(4, 'late', 100)
  ask(5, 'late', 60)
  ask(6, 'gone', 100)
  ask(7, 'gone', 500)
  queue.obey({ type: 'cancel', id: 7 })
  clock.advance(50)
  assert.deepEqual(line.news(), ['refused 3 REQUEST_TIMED_OUT'], 'it may be taken all the same')
  clock.advance(50)
  // Nobody waits for `late` and `gone` any more: they are never sent.
  assert.deepEqual(line.news(), [
    'refused 5 REQUEST_TIMED_OUT',
    'refused 1 REQUEST_TIMED_OUT',
    'refused 4 SEND_TIMED_OUT',
    'refused 6 SEND_TIMED_OUT',
  ])
  clock.advance(150)
  assert.equal(queue.poll(10, emit, atOnce), 'more')
  assert.deepEqual(tracked, ['k'])
  // What is taken is no longer late, whoever asks.
  ask(8, 'k', 10)
  clock.advance(1000)
  assert.deepEqual(line.news(), ['taken 2', 'taken 8'])
})

test('CP-4 who gives up when his time is over already takes the message from nobody else', () => {
  const { clock, line, queue } = input()
  const ask = (id: number, timeoutMs: number): void =>
    queue.obey({ type: 'request', id, key: 'k', text: '1', timeoutMs, again: false, uncommitted: false })
  const tracked: unknown[] = []
  const emit = Object.assign(() => assert.fail('no request'), {
    tracked: (message: unknown) => void tracked.push(message),
  })
  ask(1, 100)
  ask(2, 500)
  clock.advance(100)
  // Said before it was known that the time is over.
  queue.obey({ type: 'cancel', id: 1 })
  assert.equal(queue.poll(10, emit, atOnce), 'more')
  assert.deepEqual(tracked, [1])
  assert.deepEqual(line.news(), ['refused 1 REQUEST_TIMED_OUT', 'taken 2'])
})

test('CP-4 with what the journal is about to keep, nobody is late', () => {
  const { clock, line, queue } = input()
  const ask = (id: number, timeoutMs: number): void =>
    queue.obey({ type: 'request', id, key: 'k', text: '1', timeoutMs, again: false, uncommitted: false })
  const emit = Object.assign(() => assert.fail('no request'), { tracked: () => undefined })
  let keep: (error?: Error) => void = () => assert.fail('nothing was sent')
  ask(1, 100)
  assert.equal(
    queue.poll(1, emit, (tell) => (keep = tell)),
    'more',
  )
  ask(2, 50)
  clock.advance(1000)
  assert.deepEqual(line.news(), [])
  keep()
  assert.deepEqual(line.news(), ['taken 1', 'taken 2'])
})

test('a poll without messages waits for the next batch; as many wait as there is room for', async () => {
  const { queue, line, send } = input()
  const sent: unknown[] = []
  const waiting = queue.poll(
    10,
    emitting((message) => void sent.push(message)),
    atOnce,
  )
  send(1, ['a'])
  assert.equal(await waiting, 'more')
  for (let id = 2; id <= 1026; id++) send(id, [id])
  assert.deepEqual(line.news(), ['refused 1025 PORT_BUSY', 'refused 1026 PORT_BUSY'])
})

test('a batch that a selector stops is not taken, or said to be taken in part', () => {
  const { queue, line, send } = input()
  const failAt =
    (bad: unknown) =>
    (message: unknown): void => {
      if (message === bad) throw new Error('no target')
    }
  send(1, [1, 2])
  assert.equal(queue.poll(10, emitting(failAt(1)), atOnce), 'more')
  send(2, [1, 2])
  assert.equal(queue.poll(10, emitting(failAt(2)), atOnce), 'more')
  assert.deepEqual(line.news(), ['refused 1 undefined', 'refused 2 SEND_OUTCOME_UNKNOWN'])
})

function output(): { buffer: OutputBuffer; line: Line; letGo: () => number } {
  const line = new Line()
  let count = 0
  const buffer = new OutputBuffer({ line, letGo: () => count++ })
  return { buffer, line, letGo: () => count }
}

test('CP-3 a part is given for each pull; nothing is kept while nobody reads', async () => {
  const { buffer, line, letGo } = output()
  assert.equal(buffer.put('early'), undefined)
  assert.equal(letGo(), 1)
  buffer.obey({ type: 'read', id: 1 })
  buffer.obey({ type: 'pull' })
  assert.equal(buffer.put({ a: 1 }), undefined)
  assert.equal(buffer.put('b'), undefined)
  assert.equal(buffer.put(3n), undefined)
  assert.deepEqual(line.news(), ['reading 1', 'messages {"a":1}'])
  buffer.obey({ type: 'pull' })
  assert.deepEqual(line.news(), ['messages "b" "3"'])

  let waits: Promise<void> | undefined
  for (let n = 1; n <= 1000; n++) waits = buffer.put(n)
  assert.deepEqual(line.news(), [], 'it was pulled, and gave: no')
  assert.ok(waits !== undefined, 'the network waits')
  buffer.obey({ type: 'unread' })
  await waits
  assert.equal(letGo(), 1 + 1000)
})

test('CP-3 a message that readers cannot get is told', () => {
  const { buffer, line } = output()
  buffer.obey({ type: 'read', id: 1 })
  buffer.obey({ type: 'pull' })
  assert.equal(buffer.put('x'.repeat(1_100_000)), undefined)
  assert.deepEqual(line.news(), ['reading 1', 'unfit'])
})
