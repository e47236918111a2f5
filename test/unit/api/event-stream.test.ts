import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { EventStream, heartbeatMs, slowReaderMsMax } from '../../../src/api/event-stream.ts'
import { TestClock } from '../../../src/testkit/test-clock.ts'

/** A reader who takes what was written when it is told to. */
class Reader extends Writable {
  text = ''
  isStuck = false
  #take: (() => void) | undefined

  constructor() {
    super({ highWaterMark: 100, decodeStrings: false })
  }

  writeHead(): void {
    return undefined
  }

  override _write(chunk: unknown, _: string, done: () => void): void {
    this.text += String(chunk)
    if (this.isStuck) this.#take = done
    else done()
  }

  take(): void {
    this.isStuck = false
    this.#take?.()
  }
}

function streamed(): { reader: Reader; clock: TestClock; stream: EventStream } {
  const reader = new Reader()
  const clock = new TestClock()
  return { reader, clock, stream: new EventStream(reader as unknown as ServerResponse, clock) }
}

const event = { id: '5', type: 'status', data: { text: 'x'.repeat(200) } }

test('ES-1 the next event waits until the reader has taken the one before', async () => {
  const { reader, stream } = streamed()
  reader.isStuck = true
  let isSent = false
  const sending = stream.send(event).then(() => {
    isSent = true
  })
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  assert.equal(isSent, false)
  reader.take()
  await sending
  assert.match(reader.text, /^retry: 1000\n\nid: 5\nevent: status\ndata: \{"text":"x+"\}\n\n$/)
})

test('ES-2 a reader that takes nothing for too long is let go', async () => {
  const { reader, clock, stream } = streamed()
  reader.isStuck = true
  const sending = stream.send(event)
  clock.advance(slowReaderMsMax - 1)
  assert.equal(stream.signal.aborted, false)
  clock.advance(1)
  await sending
  assert.equal(stream.signal.aborted, true)
  assert.equal(reader.destroyed, true)
})

test('ES-2 it ends with its reader; sending to nobody is harmless', async () => {
  const { reader, stream } = streamed()
  reader.destroy()
  await once(reader, 'close')
  assert.equal(stream.signal.aborted, true)
  await stream.send(event)
  stream.close()
})

test('a quiet stream says now and then that it lives, but not to one who takes nothing', async () => {
  const { reader, clock } = streamed()
  clock.advance(2 * heartbeatMs)
  assert.equal(reader.text, 'retry: 1000\n\n:\n\n:\n\n')
  const slow = streamed()
  slow.reader.isStuck = true
  const sending = slow.stream.send(event)
  const { writableLength } = slow.reader
  slow.clock.advance(2 * heartbeatMs)
  assert.equal(slow.reader.writableLength, writableLength)
  slow.stream.close()
  await sending
})
