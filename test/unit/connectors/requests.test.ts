import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ErrorData, VertigoError } from '../../../src/base/errors.ts'
import type { TrackFailure } from '../../../src/component/tracking.ts'
import {
  outcomeKeptMs,
  RequestBook,
  requestsMax,
  underWayLengthMax,
} from '../../../src/connectors/client/requests.ts'
import { TestClock } from '../../../src/testkit/test-clock.ts'
import { throwsWith } from '../testkit/errors.ts'

/** Requests of clients: RB-1 to RB-3 of `connectors/client/requests.ts`. */

const failure: TrackFailure = {
  component: 'count',
  instance: 2,
  port: 'in',
  message: { word: 'bad' },
  error: { name: 'Error', message: 'boom' },
}

function book(isJournaled = true, clock = new TestClock()) {
  const requests = new RequestBook({ clock, isJournaled })
  const heard: string[] = []
  let last = 0
  const ask = (key: string, { again = false, uncommitted = false, length = 10 } = {}): boolean => {
    const id = ++last
    const asker = {
      uncommitted,
      taken: () => void heard.push(`${id} taken`),
      answered: (text: string | undefined) => void heard.push(`${id} ${text}`),
      refused: ({ code, message }: ErrorData) => void heard.push(`${id} ${code}: ${message}`),
    }
    return requests.ask(key, id, asker, { again, length })
  }
  /** Asks, and gives it on. */
  const send = (key: string): void => {
    assert.equal(ask(key), true)
    requests.taken(key)
    assert.equal(requests.begins(key), true)
  }
  return { clock, requests, ask, send, news: () => heard.splice(0) }
}

test('RB-1 who asks with the same key hears the same, and the message is sent once', () => {
  const { requests, ask, send, news } = book()
  assert.equal(ask('a'), true)
  assert.equal(ask('a'), false, 'it waits already')
  requests.taken('a')
  assert.equal(requests.begins('a'), true)
  assert.equal(requests.begins('a'), false, 'it is in the journal twice')
  assert.equal(ask('a'), false)
  requests.answer('a', { n: 1 })
  requests.answer('a', { n: 2 })
  assert.deepEqual(news(), ['1 taken', '2 taken', '3 taken'])
  requests.ack('a')
  assert.deepEqual(news(), ['1 {"n":1}', '2 {"n":1}', '3 {"n":1}'])
  assert.equal(ask('a', { again: true }), false)
  assert.deepEqual(news(), ['4 taken', '4 {"n":1}'])
  assert.equal(requests.begins('a'), false)
  send('none')
  requests.ack('none')
  assert.deepEqual(news(), ['5 taken', '5 undefined'])
})

test('RB-1 what was heard is known in the next life as well, and what will be', () => {
  const first = book()
  first.send('answered')
  first.requests.answer('answered', 7)
  first.requests.ack('answered')
  first.send('failed')
  first.requests.fail('failed', failure)
  const kept = first.requests.kept()
  assert.equal(kept.length, 2)

  const { requests, ask, news } = book()
  requests.recall(kept, ['open'])
  for (const key of ['answered', 'failed', 'open']) {
    assert.equal(requests.begins(key), false, key)
    assert.equal(ask(key, { again: true }), false, key)
  }
  assert.equal(ask('new', { again: true }), true, 'its message is in no journal')
  const text = 'count[2] failed at port "in": boom; its message: { word: \'bad\' }'
  assert.deepEqual(news(), ['1 taken', '1 7', '2 taken', `2 REQUEST_FAILED: ${text}`, '3 taken'])
  requests.answer('open', 'late')
  requests.ack('open')
  assert.deepEqual(news(), ['3 "late"'])
})

test('RB-1 an outcome is forgotten when its time is over', () => {
  const { clock, requests, ask, send, news } = book()
  send('a')
  requests.answer('a', 1)
  requests.ack('a')
  clock.advance(outcomeKeptMs - 1)
  assert.equal(requests.kept().length, 1)
  assert.equal(ask('a'), false)
  clock.advance(1)
  assert.deepEqual(requests.kept(), [])
  assert.equal(ask('a'), true)
  news()
})

test('RB-2 who wants it uncommitted hears when all was handled, others with the commit', () => {
  const { requests, ask, news } = book()
  assert.equal(ask('a'), true)
  assert.equal(ask('a', { uncommitted: true }), false)
  requests.taken('a')
  requests.begins('a')
  requests.answer('a', 1)
  assert.deepEqual(news(), ['1 taken', '2 taken'])
  requests.complete('a', undefined)
  assert.deepEqual(news(), ['2 1'])
  assert.equal(ask('a', { uncommitted: true }), false)
  assert.deepEqual(news(), ['3 taken', '3 1'])
  requests.ack('a')
  assert.deepEqual(news(), ['1 1'])
  ask('b', { uncommitted: true })
  requests.begins('b')
  requests.complete('b', failure)
  assert.match(news()[0]!, /^4 REQUEST_FAILED: count\[2\] failed/)
})

test('an answer that JSON cannot hold, one that is lost, and one whose time is over are errors', () => {
  const { requests, send, news } = book()
  const [codes, messages]: [string[], string[]] = [[], []]
  const end = (how: (key: string) => void): void => {
    const key = `k${codes.length}`
    send(key)
    how(key)
    const [, code, message] = /\d (\w+): (.*)/.exec(news().at(-1)!)!
    codes.push(code!)
    messages.push(message!)
  }
  const circle: unknown[] = []
  circle.push(circle)
  for (const answer of ['x'.repeat(1_100_000), circle])
    end((key) => {
      requests.answer(key, answer)
      requests.ack(key)
    })
  end((key) => requests.lost(key))
  end((key) => requests.timeout(key))
  const unfit = 'REQUEST_ANSWER_UNFIT'
  assert.deepEqual(codes, [unfit, unfit, 'REQUEST_ANSWER_LOST', 'REQUEST_TIMED_OUT'])
  assert.equal(messages[0], 'The answer has 1100002 characters as JSON; who asks gets 1048576 at most.')
  assert.match(messages[1]!, /^The answer cannot be written as JSON: /)
})

test('what is refused is forgotten, unless its message is there from another life', () => {
  const { requests, ask, news } = book()
  ask('a')
  requests.refused('a', new VertigoError('SEND_TIMED_OUT', 'late'))
  assert.deepEqual(news(), ['1 SEND_TIMED_OUT: late'])
  assert.equal(ask('a'), true)
  assert.equal(requests.begins('a'), true, 'out of the journal, while it waits')
  requests.refused('a', new VertigoError('SEND_TIMED_OUT', 'late'))
  requests.ack('a')
  assert.deepEqual(news(), ['2 undefined'])
  ask('b')
  ask('b')
  assert.equal(requests.leave('b', 3), false)
  assert.equal(requests.leave('b', 4), true, 'nobody waits for it')
})

test('RB-1 without a journal, one that may have been asked before and is not known is refused', () => {
  const { ask } = book(false)
  throwsWith(() => ask('a', { again: true }), 'REQUEST_LOST', /is gone/)
  assert.equal(ask('a'), true)
})

test('RB-3 with too many, one is refused; outcomes that were heard make room, the oldest first', () => {
  const { requests, ask, send, news } = book()
  for (let n = 0; n < requestsMax; n++) send(`k${n}`)
  throwsWith(() => ask('more'), 'PORT_BUSY', /10000 requests/)
  for (const key of ['k5', 'k6']) requests.ack(key)
  assert.equal(ask('more'), true)
  assert.deepEqual(
    requests.kept().map(({ id }) => id),
    ['k6'],
  )
  assert.equal(ask('more yet'), true)
  throwsWith(() => ask('too many'), 'PORT_BUSY', /10000 requests/)
  news()
})

test('RB-3 messages and answers under way are bounded by their length, too', () => {
  const { requests, ask, news } = book()
  const length = underWayLengthMax / 4
  for (const key of ['a', 'b', 'c']) ask(key, { length })
  assert.equal(ask('d', { length: length - 20 }), true)
  requests.begins('a')
  requests.answer('a', 'x'.repeat(20))
  throwsWith(() => ask('more'), 'PORT_BUSY', /characters/)
  requests.refused('b', new VertigoError('PORT_CLOSED', 'it is over'))
  assert.equal(ask('b', { length }), true)
  throwsWith(() => ask('more'), 'PORT_BUSY', /characters/)
  // What is kept of it is bounded by itself.
  requests.ack('a')
  assert.equal(ask('more', { length }), true)
  assert.equal(ask('yet more'), true)
  assert.equal(ask('the last', { length }), true)
  throwsWith(() => ask('too many'), 'PORT_BUSY', /characters/)
  news()
})

test('RB-3 of outcomes a mebibyte is kept for who asks again; of those that nobody heard eight', () => {
  const { requests, ask, send, news } = book()
  const large = 'x'.repeat(300_000)
  for (let n = 0; n < 10; n++) {
    send(`k${n}`)
    requests.answer(`k${n}`, large)
    requests.ack(`k${n}`)
  }
  const kept = requests.kept().map(({ id }) => id)
  assert.deepEqual(kept, ['k7', 'k8', 'k9'])
  let sent = 0
  for (; sent < 100; sent++) {
    const key = `unheard ${sent}`
    requests.begins(key)
    requests.answer(key, large)
    requests.ack(key)
  }
  assert.equal(requests.kept().length, 103)
  throwsWith(() => ask('more'), 'PORT_BUSY', /known/)
  news()
})
