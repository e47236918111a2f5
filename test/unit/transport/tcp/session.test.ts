import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultLineLimits } from '../../../../src/transport/tcp/limits.ts'
import { ackRecord, frameHeadBytes, writeFrameHead } from '../../../../src/transport/tcp/record.ts'
import { Session } from '../../../../src/transport/tcp/session.ts'

const meeting = { end: 'other', peerEnd: null, attempt: 1, received: 0 }

function up(limits = {}): { readonly session: Session; readonly got: string[] } {
  const got: string[] = []
  const session = new Session('own', { ...defaultLineLimits, ...limits }, (frame) => {
    got.push(Buffer.from(frame).toString())
  })
  session.lineUp(meeting)
  return { session, got }
}

function frameRecord(number: number, text: string, ack = 0): Buffer {
  const bytes = Buffer.alloc(frameHeadBytes + text.length)
  writeFrameHead(bytes, 0, text.length, number, ack)
  bytes.write(text, frameHeadBytes)
  return bytes
}

test('TL-5: a gap, a frame that comes twice, and the confirmation of what was not sent break the line', () => {
  for (const bytes of [
    frameRecord(2, 'b'),
    frameRecord(0, 'z'),
    frameRecord(1, 'a', 1),
    Buffer.from(ackRecord(1)),
  ]) {
    const { session, got } = up()
    assert.throws(() => session.bytes(bytes), { code: 'LINK_DATA_INVALID' })
    assert.deepEqual(got, [])
  }
  const { session, got } = up()
  session.bytes(frameRecord(1, 'a'))
  assert.throws(() => session.bytes(frameRecord(1, 'a')), { code: 'LINK_DATA_INVALID' })
  assert.deepEqual(got, ['a'])
})

test('what was appended and not yet written cannot be confirmed', () => {
  const { session } = up()
  session.send(Buffer.from('a'))
  assert.throws(() => session.bytes(ackRecord(1)), { code: 'LINK_DATA_INVALID' })
  session.takeOutput()
  session.lineUp({ ...meeting, attempt: 2 })
  session.takeOutput()
  session.bytes(ackRecord(1))
  assert.equal(session.unconfirmed, 0)
})

test('TL-3: an end goes on with the one it met, and says whose memory is gone', () => {
  const { session } = up()
  const next = { ...meeting, attempt: 2 }
  assert.equal(session.judge(next).type, 'fits')
  assert.equal(session.judge({ ...next, peerEnd: 'own' }).type, 'fits')
  assert.deepEqual(
    { ...session.judge({ ...next, end: 'new' }), message: '' },
    { type: 'lost', memory: 'other', message: '' },
  )
  assert.deepEqual(
    { ...session.judge({ ...next, peerEnd: 'earlier' }), message: '' },
    { type: 'lost', memory: 'own', message: '' },
  )
  assert.equal(session.judge({ ...next, received: 1 }).type, 'lost')
  assert.equal(session.judge({ ...next, attempt: 1 }).type, 'late')
})

test('bytes that are kept are bounded: a frame above is refused whole, and taken once there is room', () => {
  const { session } = up({ unackedBytesMax: 100_000, frameBytesMax: 70_000 })
  const frame = new Uint8Array(60_000)
  session.send(frame)
  session.send(frame)
  assert.throws(() => session.send(frame), { code: 'LINK_BACKLOG_FULL', message: /unackedBytesMax/ })
  assert.throws(() => session.send(new Uint8Array(70_001)), {
    code: 'LINK_BACKLOG_FULL',
    message: /frameBytesMax/,
  })
  assert.equal(session.unconfirmed, 2)
  session.takeOutput()
  session.bytes(ackRecord(1))
  session.send(frame)
  assert.equal(session.unconfirmed, 2)
})

test('what is received is confirmed without delay once it is much, and with whatever is sent', () => {
  const { session } = up({ ackBytes: 10 })
  session.bytes(frameRecord(1, '12345'))
  assert.equal(session.hasOutput, false)
  session.bytes(frameRecord(2, '12345'))
  assert.deepEqual(Buffer.concat(session.takeOutput()), Buffer.from(ackRecord(2)))
  assert.equal(session.hasOutput, false)
  session.bytes(frameRecord(3, '1234567890'))
  session.send(Buffer.from('x'))
  assert.deepEqual(Buffer.concat(session.takeOutput()), frameRecord(1, 'x', 3))
})

test('numbers go on beyond 32 bits', () => {
  const { session, got } = up()
  const beyond = 2 ** 32
  session.received = beyond - 2
  for (const number of [beyond - 1, beyond, beyond + 1]) session.bytes(frameRecord(number, 'x'))
  assert.equal(session.received, beyond + 1)
  assert.equal(got.length, 3)
})
