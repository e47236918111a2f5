import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { eventually } from '../../support/eventually.ts'
import { type End, has, refusedCode, SocketPair } from './socket-pair.ts'

/** Frames with their number, of sizes that fall on all sides of reads and writes. */
class Numbered {
  next = 0
  arrived = 0
  fault: string | undefined
  readonly #from: End

  constructor(from: End, to: End) {
    this.#from = from
    to.link.receive((frame) => {
      const expected = makeFrame(this.arrived)
      if (!expected.equals(frame))
        this.fault ??= `in place of frame ${this.arrived} came ${frame.length} bytes`
      this.arrived++
    })
  }

  send(count: number): void {
    for (let i = 0; i < count; i++) this.#from.link.send(makeFrame(this.next++))
  }

  async all(): Promise<void> {
    await eventually(`${this.next} frames arrive, ${this.arrived} have`, () => this.arrived >= this.next)
    assert.equal(this.fault, undefined)
    assert.equal(this.arrived, this.next)
  }
}

const sizes = [0, 1, 5, 100, 3_000, 65_523, 65_536, 200_000]

function makeFrame(index: number): Buffer {
  const frame = Buffer.alloc(sizes[index % sizes.length]!, index % 256)
  if (frame.length >= 4) frame.writeUInt32LE(index)
  return frame
}

async function inPair(
  options: Parameters<typeof SocketPair.make>[0],
  act: (pair: SocketPair, there: Numbered, back: Numbered) => Promise<void>,
): Promise<void> {
  const pair = await SocketPair.make(options)
  try {
    const there = new Numbered(pair.near, pair.far)
    const back = new Numbered(pair.far, pair.near)
    await act(pair, there, back)
  } finally {
    await pair.close()
  }
}

const quick = { limits: { linkLossMs: 400 } }

test('frames go both ways, also those that were sent before the line was up', () =>
  inPair({}, async (pair, there, back) => {
    there.send(40)
    back.send(40)
    await pair.up()
    await Promise.all([there.all(), back.all()])
    await eventually('all is confirmed', () => pair.near.link.session.unconfirmed === 0)
    assert.equal(pair.near.link.lines, 1)
  }))

test('a proxy that resets lines within frames loses and doubles nothing', () =>
  inPair({ near: { limits: { redialMsMax: 50 } } }, async (pair, there, back) => {
    await pair.up()
    for (let round = 0; round < 20; round++) {
      const lines = pair.proxy.lines
      pair.proxy.cutAfterBytes = 1 + round * 37_337
      there.send(16)
      back.send(16)
      await eventually('the line is cut and made anew', () => pair.proxy.lines > lines)
    }
    await Promise.all([there.all(), back.all()])
    assert.ok(pair.near.link.lines > 20)
    assert.equal(has(pair.near, 'unreachable'), undefined, 'what is mended at once is not told')
  }))

test('a line that is cut for a while is told as unreachable, then as reachable, by both ends', () =>
  inPair({ near: quick, far: quick }, async (pair, there, back) => {
    await pair.up()
    pair.proxy.isCut = true
    pair.proxy.reset()
    there.send(8)
    back.send(8)
    for (const end of [pair.near, pair.far]) {
      const event = await eventually('unreachable is told', () => has(end, 'unreachable'))
      assert.ok(event.type === 'unreachable' && event.silentSinceMs < event.atMs)
    }
    pair.proxy.isCut = false
    await Promise.all([there.all(), back.all()])
    for (const end of [pair.near, pair.far]) {
      assert.deepEqual(
        end.events.map(({ type }) => type),
        ['reachable', 'unreachable', 'reachable'],
      )
    }
  }))

test('a proxy that stalls without a word is noticed by both ends within linkLossMs', () =>
  inPair({ near: quick, far: quick }, async (pair, there, back) => {
    await pair.up()
    pair.proxy.isStalled = true
    there.send(8)
    back.send(8)
    for (const end of [pair.near, pair.far]) {
      const event = await eventually('unreachable is told', () => has(end, 'unreachable'))
      assert.ok(event.type === 'unreachable')
      // Generous: the machine may be busy. The bound itself is tested in simulated time.
      assert.ok(event.atMs - event.silentSinceMs < 4_000)
    }
    pair.proxy.isStalled = false
    await Promise.all([there.all(), back.all()])
  }))

test('bytes that trickle in make whole frames', () =>
  inPair({}, async (pair, there) => {
    pair.proxy.pieceBytes = 3
    there.send(4)
    await pair.up()
    await there.all()
  }))

test('an idle line stays up by signs of life', () =>
  inPair({ near: quick, far: quick }, async (pair) => {
    await pair.up()
    const before = pair.proxy.passedBytes
    const untilMs = systemClock.monotonic() + 1_200
    await eventually('1200 ms pass', () => systemClock.monotonic() > untilMs)
    assert.equal(pair.near.link.lines, 1)
    const passed = pair.proxy.passedBytes - before
    assert.ok(passed > 0 && passed < 1_000, `${passed} bytes`)
  }))

test('a refusal reaches the dialler with code and sentence, and it asks again slowly', () => {
  let asked = 0
  const accept = (): { code: 'LINK_REFUSED'; message: string } => {
    asked++
    return { code: 'LINK_REFUSED', message: 'worker 1 was replaced in generation 7' }
  }
  return inPair({ far: { accept } }, async (pair) => {
    await eventually('it is refused three times', () => asked >= 3)
    assert.ok(pair.near.events.length === 1)
    const [event] = pair.near.events
    assert.ok(event?.type === 'refused')
    assert.equal(event.error.message, 'worker 1 was replaced in generation 7')
    const before = asked
    const untilMs = systemClock.monotonic() + 500
    await eventually('500 ms pass', () => systemClock.monotonic() > untilMs)
    assert.ok(asked - before <= 4, `it asked ${asked - before} times in half a second`)
  })
})

test('other versions, clusters and networks are refused on both sides of the handshake', async () => {
  for (const [near, code] of [
    [{ versions: { min: 2, max: 3 } }, 'LINK_VERSION_UNFIT'],
    [{ cluster: 'other' }, 'LINK_PEER_UNEXPECTED'],
    [{ network: null }, 'LINK_PEER_UNEXPECTED'],
  ] as const) {
    await inPair({ near }, async (pair) => {
      assert.equal(await eventually(`${code} is told`, () => refusedCode(pair.near)), code)
      assert.equal(pair.far.turnedAway[0]?.code, code)
    })
  }
})

async function rubbish(port: number, bytes: Uint8Array): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(bytes)
  return socket
}

test('rubbish on the port is closed with a reason, and the link lives on', () =>
  inPair({ near: quick, far: { limits: { helloMs: 300, linkLossMs: 400 } } }, async (pair, there) => {
    await pair.up()
    const { port } = pair.listener
    const pieces = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]),
      Buffer.from('VERTIGO\n\xff\xff', 'latin1'),
      Buffer.from('VERTIGO\n\x02\x00{}', 'latin1'),
      Buffer.from('VERTIGO\n\x02\x00{{', 'latin1'),
    ]
    for (const piece of pieces) {
      const socket = await rubbish(port, piece)
      if (!socket.closed) await once(socket, 'close')
    }
    assert.equal(pair.far.turnedAway.length, pieces.length)
    assert.ok(pair.far.turnedAway.every(({ code }) => code === 'LINK_HANDSHAKE_INVALID'))
    // Slowloris: an honest beginning, and then nothing.
    const slow = await rubbish(port, Buffer.from('VERTIGO\n'))
    if (!slow.closed) await once(slow, 'close')
    assert.match(pair.far.turnedAway.at(-1)!.message, /helloMs/)
    there.send(16)
    await there.all()
    assert.equal(pair.near.link.lines, 1)
  }))

test('strangers that only connect cannot keep a worker from its peers', () =>
  inPair({ far: { limits: { handshakesMax: 8, helloMs: 120_000 } } }, async (pair, there) => {
    pair.proxy.isCut = true
    pair.proxy.reset()
    const sockets = await Promise.all(
      Array.from({ length: 50 }, () => rubbish(pair.listener.port, Buffer.from('VERT'))),
    )
    await eventually('most are turned away', () => sockets.filter(({ closed }) => closed).length >= 42)
    pair.proxy.isCut = false
    there.send(8)
    await there.all()
    for (const socket of sockets) socket.destroy()
  }))

test('rubbish within a line breaks it, and the next one goes on', () =>
  inPair({}, async (pair, there) => {
    await pair.up()
    there.send(8)
    await there.all()
    assert.throws(() => pair.far.link.session.bytes(Buffer.alloc(64, 255)), { code: 'LINK_DATA_INVALID' })
    there.send(8)
    await there.all()
  }))
