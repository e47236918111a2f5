import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../src/base/clock.ts'
import { systemRandom } from '../../src/base/random.ts'
import { tcpDial } from '../../src/transport/tcp/dial.ts'
import { Endpoint } from '../../src/transport/tcp/endpoint.ts'
import type { LinkEvent } from '../../src/transport/tcp/link-events.ts'
import { listenTcp } from '../../src/transport/tcp/listen.ts'
import { deferWithinTurn } from '../../src/transport/tcp/net-line.ts'
import { MessageCodec } from '../../src/wire/message-codec.ts'
import { type BatchLine, sink, source } from './batch-ends.ts'
import { makeSmall, type Small } from './small-message.ts'

/**
 * One end of a line over loopback: the product's link, or what a careful author writes by hand, frames with a length in
 * front. Both with the engine's codec; streams in batches of 256 with at most 4 under way. The main module of both threads.
 */

export interface TcpEndData {
  readonly role: 'source' | 'sink' | 'ping' | 'pong'
  readonly transport: 'link' | 'bare'
  /** Where the other end listens; undefined at the end that listens, which then says where. */
  readonly port: number | undefined
}

interface Line {
  send(frame: Uint8Array): void
  receive(onFrame: (frame: Uint8Array) => void): void
}

const { role, transport, port } = workerData as TcpEndData
const main = parentPort!
const codec = new MessageCodec()
const line = transport === 'link' ? await productLine(main) : await bareLine(main)
const codecLine: BatchLine = {
  sendItems: (items) => line.send(codec.encode(items, 0)),
  sendTaken: () => line.send(codec.encode(1, 0)),
  onItems: (take) => line.receive((frame) => take(codec.decode(frame) as Small[])),
  onTaken: (free) => line.receive((frame) => free(codec.decode(frame) as number)),
}
const roles = { source: () => source(main, codecLine), sink: () => sink(main, codecLine), ping, pong }
roles[role]()
main.postMessage('ready')

async function productLine(main: MessagePort): Promise<Line> {
  const [near, far] = [
    { node: 'near', worker: 1 },
    { node: 'far', worker: 2 },
  ]
  const endpoint = new Endpoint({
    cluster: 'bench',
    network: 'bench',
    self: port === undefined ? far : near,
    clock: systemClock,
    random: systemRandom,
    accept: () => 'ok',
    defer: deferWithinTurn,
  })
  const peer = port === undefined ? near : far
  const dial = port === undefined ? undefined : tcpDial({ host: '127.0.0.1', port })
  // What is sent before there is a line waits for it, in the rounds that warm up.
  const onEvent = (event: LinkEvent): void => {
    if (event.type !== 'reachable') throw event.error
  }
  const link = endpoint.link({ peer, dial, onEvent })
  if (port === undefined) {
    const listener = await listenTcp({ handshakeMs: 2_000 }, (line) => endpoint.accepted(line))
    main.postMessage(listener.port)
  }
  return link
}

async function bareLine(main: MessagePort): Promise<Line> {
  if (port !== undefined) {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return framed(socket)
  }
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as { port: number }
  main.postMessage(address.port)
  const [socket] = (await once(server, 'connection')) as [Socket]
  return framed(socket)
}

function framed(socket: Socket): Line {
  socket.setNoDelay(true)
  let held: Buffer = Buffer.alloc(0)
  return {
    send(frame) {
      const bytes = Buffer.allocUnsafe(4 + frame.length)
      bytes.writeUInt32LE(frame.length)
      bytes.set(frame, 4)
      socket.write(bytes)
    },
    receive(onFrame) {
      socket.on('data', (bytes: Buffer) => {
        const all = held.length === 0 ? bytes : Buffer.concat([held, bytes])
        let at = 0
        while (all.length - at >= 4) {
          const end = at + 4 + all.readUInt32LE(at)
          if (end > all.length) break
          onFrame(all.subarray(at + 4, end))
          at = end
        }
        held = all.subarray(at)
      })
    },
  }
}

function ping(): void {
  let next = 0
  let left = 0
  let sum = 0
  line.receive((frame) => {
    sum += (codec.decode(frame) as Small).id
    left--
    if (left > 0) {
      line.send(codec.encode(makeSmall(next++), 0))
      return
    }
    main.postMessage(sum)
    sum = 0
  })
  main.on('message', (count: number) => {
    next = 0
    left = count
    line.send(codec.encode(makeSmall(next++), 0))
  })
}

function pong(): void {
  line.receive((frame) => line.send(codec.encode(codec.decode(frame), 0)))
}
