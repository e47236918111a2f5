import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VertigoError } from '../../../src/base/errors.ts'
import { eventLoopTurn, TestClock } from '../../../src/testkit/test-clock.ts'
import { Calls, type CallsOptions } from '../../../src/transport/calls.ts'
import { inProcessLinks } from '../../../src/transport/in-process.ts'
import type { Link } from '../../../src/transport/link.ts'
import { errorCode } from '../../support/error-code.ts'

interface Side {
  readonly calls: Calls
  readonly errors: unknown[]
}

class Both {
  readonly clock = new TestClock()
  readonly caller: Side
  readonly server: Side
  readonly links: readonly [Link, Link]

  constructor(options: Pick<CallsOptions, 'handlers'> & Partial<CallsOptions>) {
    this.links = inProcessLinks(this.clock)
    this.caller = this.#side(this.links[0], { handlers: {}, limits: options.limits })
    this.server = this.#side(this.links[1], options)
  }

  /** Until nothing moves without the passing of time. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet++) {
      if (this.clock.hasSoon) quiet = 0
      this.clock.runSoon()
      await eventLoopTurn()
    }
  }

  #side(link: Link, options: Pick<CallsOptions, 'handlers'> & Partial<CallsOptions>): Side {
    const errors: unknown[] = []
    const calls = new Calls(link, { clock: this.clock, onError: (error) => errors.push(error), ...options })
    return { calls, errors }
  }
}

async function settled<T>(both: Both, promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  await both.settle()
  return promise
}

test('a request gets its answer, or the error that was thrown, as data', async () => {
  const both = new Both({
    handlers: {
      requests: {
        add: (body) => (body as number[]).reduce((sum, each) => sum + each),
        refuse: () => {
          throw new VertigoError('STORE_FULL', 'no room', { remedy: 'make some' })
        },
        plain: async () => {
          throw new RangeError('beyond')
        },
      },
    },
  })
  const { calls } = both.caller
  assert.equal(await settled(both, calls.request('add', [1, 2, 3], { timeoutMs: 100 })), 6)
  await assert.rejects(settled(both, calls.request('refuse', null, { timeoutMs: 100 })), {
    code: 'STORE_FULL',
    message: 'no room',
    remedy: 'make some',
  })
  await assert.rejects(settled(both, calls.request('plain', null, { timeoutMs: 100 })), {
    name: 'RangeError',
    message: 'beyond',
  })
  assert.equal(await errorCode(settled(both, calls.request('other', 1, { timeoutMs: 100 }))), 'CALL_INVALID')
  assert.equal(await errorCode(settled(both, calls.request('toString', 1, { timeoutMs: 9 }))), 'CALL_INVALID')
  assert.deepEqual([both.caller.errors, both.server.errors], [[], []])
})

test('CL-1, CL-2: at its deadline a request ends, and the one who serves is told', async () => {
  const signals: AbortSignal[] = []
  const both = new Both({
    handlers: {
      requests: {
        never: (_body, { signal }) => {
          signals.push(signal)
          return new Promise(() => {})
        },
      },
    },
  })
  const asked = both.caller.calls.request('never', null, { timeoutMs: 100 })
  asked.catch(() => undefined)
  await both.settle()
  both.clock.advance(99)
  assert.equal(signals[0]!.aborted, false)
  both.clock.advance(2)
  assert.equal(await errorCode(settled(both, asked)), 'CALL_TIMED_OUT')
  assert.equal(signals[0]!.aborted, true)
  const ending = new AbortController()
  const cancelled = both.caller.calls.request('never', null, { timeoutMs: 100, signal: ending.signal })
  cancelled.catch(() => undefined)
  await both.settle()
  ending.abort(new Error('not wanted'))
  await both.settle()
  await assert.rejects(cancelled, { message: 'not wanted' })
  assert.equal(signals[1]!.aborted, true)
})

test('CL-1: when the link ends, all calls do', async () => {
  const both = new Both({
    handlers: {
      requests: { never: () => new Promise(() => {}) },
      streams: {
        endless: async function* (_body, { signal }) {
          await new Promise((resolve) => {
            signal.addEventListener('abort', resolve)
          })
          yield 1
        },
      },
    },
  })
  const { calls } = both.caller
  const asked = calls.request('never', null, { timeoutMs: 100 })
  const next = calls.stream('endless', null).next()
  await both.settle()
  calls.closeLink()
  assert.equal(await errorCode(asked), 'CALL_CANCELLED')
  assert.equal(await errorCode(next), 'CALL_CANCELLED')
  assert.equal(await errorCode(calls.request('never', null, { timeoutMs: 1 })), 'CALL_CANCELLED')
})

test('CL-3: a stream gives no more than there is credit for, in order, and ends', async () => {
  let made = 0
  const both = new Both({
    handlers: {
      streams: {
        count: async function* (body) {
          for (let i = 0; i < (body as number); i++) {
            made++
            yield i
          }
        },
      },
    },
  })
  const stream = both.caller.calls.stream('count', 100, { items: 8 })
  assert.deepEqual(await settled(both, stream.next()), { done: false, value: 0 })
  assert.equal(made, 8)
  const got = [0]
  for (;;) {
    const result = await settled(both, stream.next())
    if (result.done === true) break
    got.push(result.value as number)
    assert.ok(made - got.length <= 8, `${made} made, ${got.length} taken`)
  }
  assert.deepEqual(
    got,
    Array.from({ length: 100 }, (_, i) => i),
  )
})

test('a stream that its caller leaves, or that fails, ends at both sides', async () => {
  const ended: string[] = []
  const both = new Both({
    handlers: {
      streams: {
        endless: async function* () {
          try {
            for (let i = 0; ; i++) yield i
          } finally {
            ended.push('endless')
          }
        },
        failing: async function* () {
          yield 1
          throw new VertigoError('STORE_FULL', 'no room')
        },
      },
    },
  })
  const stream = both.caller.calls.stream('endless', null, { items: 2 })
  await settled(both, stream.next())
  await stream.return?.()
  await both.settle()
  assert.deepEqual(ended, ['endless'])
  const failing = both.caller.calls.stream('failing', null)
  assert.deepEqual(await settled(both, failing.next()), { done: false, value: 1 })
  assert.equal(await errorCode(settled(both, failing.next())), 'STORE_FULL')
  assert.equal(await errorCode(settled(both, both.caller.calls.stream('none', null).next())), 'CALL_INVALID')
})

test('hints are heard; a failing one is told to its own side only', async () => {
  const heard: unknown[] = []
  const both = new Both({
    handlers: {
      hints: {
        look: (body) => heard.push(body),
        bad: () => {
          throw new Error('bad')
        },
      },
    },
  })
  both.caller.calls.hint('look', { at: 1 })
  both.caller.calls.hint('bad', null)
  await both.settle()
  assert.deepEqual(heard, [{ at: 1 }])
  assert.match(String(both.server.errors[0]), /bad/)
  assert.equal(both.caller.errors.length, 0)
})

test('limits: calls at a time, on either side, and bytes of a message', async () => {
  const both = new Both({
    handlers: {
      requests: {
        never: () => new Promise(() => {}),
        long: () => 'x'.repeat(5_000),
        fails: () => {
          throw new Error('y'.repeat(5_000))
        },
      },
    },
    limits: { callsMax: 3, messageBytesMax: 2_000 },
  })
  const { calls } = both.caller
  const ask = (method: string, body: unknown): Promise<unknown> =>
    settled(both, calls.request(method, body, { timeoutMs: 50 }))
  assert.equal(await errorCode(ask('long', 1)), 'CALL_LIMIT')
  assert.equal(await errorCode(ask('fails', 1)), 'CALL_LIMIT')
  assert.equal(await errorCode(ask('long', 'x'.repeat(3_000))), 'CALL_LIMIT')
  const waiting = [1, 2, 3].map((each) => errorCode(calls.request('never', each, { timeoutMs: 50 })))
  assert.equal(await errorCode(ask('never', 4)), 'CALL_LIMIT')
  await both.settle()
  both.clock.advance(60)
  assert.deepEqual(await Promise.all(waiting), ['CALL_TIMED_OUT', 'CALL_TIMED_OUT', 'CALL_TIMED_OUT'])
  // The caller may ask again; the other side still works for the three that were given up.
  assert.equal(await errorCode(ask('never', 5)), 'CALL_LIMIT')
})

test('CL-4: rubbish is told and harms no call', async () => {
  const both = new Both({ handlers: { requests: { echo: (body) => body } } })
  const bad = [
    'no json',
    '[]',
    '{"type":"other"}',
    '{"type":"request","id":-1,"method":"echo","timeoutMs":1}',
    '{"type":"error","id":1,"error":{"name":1}}',
  ]
  for (const text of bad) both.links[0].send(Buffer.from(text))
  both.links[0].send(Buffer.from([0xff, 0xfe]))
  assert.equal(await settled(both, both.caller.calls.request('echo', 7, { timeoutMs: 50 })), 7)
  assert.equal(both.server.errors.length, bad.length + 1)
})

test('an error with a code of a newer version comes as one of ours', async () => {
  const clock = new TestClock()
  const [near, far] = inProcessLinks(clock)
  const calls = new Calls(near, { clock, handlers: {}, onError: (error) => assert.fail(String(error)) })
  far.receive((frame) => {
    const { id } = JSON.parse(Buffer.from(frame).toString()) as { id: number }
    const error = { name: 'VertigoError', message: 'new', code: 'FROM_THE_FUTURE' }
    far.send(Buffer.from(JSON.stringify({ type: 'error', id, error })))
  })
  const asked = calls.request('any', null, { timeoutMs: 50 })
  clock.runSoon()
  await assert.rejects(asked, { code: 'CALL_INVALID', message: 'new (FROM_THE_FUTURE)' })
})
