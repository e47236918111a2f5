import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../../src/base/random.ts'
import { PollSize } from '../../../src/worker/poll-size.ts'

/** Polls that give what they are asked for, in whole batches: how many messages each. */
function polls(
  all: number,
  ms: (messages: number, from: number) => number,
  batch = 1,
): { readonly sizes: number[]; readonly ms: number; readonly longestMs: number } {
  const size = new PollSize()
  const sizes: number[] = []
  const times: number[] = []
  for (let at = 0; at < all;) {
    const messages = Math.max(batch, size.messagesMax - (size.messagesMax % batch))
    times.push(ms(messages, at))
    size.took(times.at(-1)!, messages)
    sizes.push(messages)
    at += messages
  }
  return { sizes, ms: times.reduce((sum, one) => sum + one, 0), longestMs: Math.max(...times) }
}

test('a poll is asked for as many messages as take 4 ms, from 1 to 256', () => {
  assert.deepEqual(new Set(polls(10_000, (n) => n * 0.0001).sizes), new Set([8, 16, 32, 64, 128, 256]))
  assert.deepEqual(polls(100, (n) => n * 20).sizes.slice(0, 4), [8, 1, 1, 1])
  const { sizes } = polls(10_000, (n) => n * 0.1)
  assert.ok(
    sizes.slice(8).every((size) => size >= 39 && size <= 40),
    sizes.join(', '),
  )
})

for (const ownMs of [1, 3, 4.5, 5, 20, 100])
  for (const eachMs of [0, 0.001])
    test(`a poll that takes ${ownMs} ms by itself, and ${eachMs} a message, is asked for many`, () => {
      const { sizes, ms } = polls(10_000, (n) => ownMs + n * eachMs)
      assert.equal(sizes.at(-1), 256)
      assert.ok(sizes.length < 70, `${sizes.length} polls`)
      assert.ok(ms < 70 * ownMs + 20, `${ms} ms`)
    })

test('a poll that takes 5 ms by itself, and 1 ms a message, takes about twice that', () => {
  const { sizes, longestMs } = polls(1_000, (n) => 5 + n)
  const last = sizes.slice(10)
  assert.ok(last.every((size) => size >= 3 && size <= 8) && longestMs <= 21, sizes.join(', '))
})

test('what was slow for a while is asked for many again, whatever the times were like', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed)
    const wild = (n: number): number => n * random.next() * 10 ** random.int(4) + random.next() * 10
    const { sizes } = polls(100_000, (n, from) => (from < 1_000 ? wild(n) : n * 0.001))
    assert.deepEqual(
      new Set(sizes.slice(-300)),
      new Set([256]),
      `seed ${seed}: ${sizes.slice(-320).join(', ')}`,
    )
  }
})

test('batches that are smaller than what is asked for are asked for in numbers', () => {
  assert.equal(polls(10_000, (n) => n * 0.001, 10).sizes.at(-1), 250)
})

test('one poll that was held up is soon forgotten', () => {
  const size = new PollSize()
  for (let n = 0; n < 10; n++) size.took(0.2, size.messagesMax)
  assert.equal(size.messagesMax, 256)
  size.took(500, 256)
  for (let n = 0; n < 12; n++) size.took(size.messagesMax * 0.001, size.messagesMax)
  assert.equal(size.messagesMax, 256)
})

test('what a poll takes by itself is known to be less as soon as one is shorter', () => {
  const { sizes } = polls(2_000, (n, from) => (from < 400 ? 20 : n))
  assert.ok(
    sizes.slice(-20).every((size) => size <= 8),
    sizes.join(', '),
  )
})
