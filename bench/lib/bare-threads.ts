import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { MessageCodec } from '../../src/wire/message-codec.ts'
import { type Small, makeSmall } from './small-message.ts'

/**
 * What a careful author writes by hand with a MessagePort: batches of 256, the engine's codec, at most 4 batches under
 * way. The main module of both threads.
 */

export type BareRole = 'source' | 'sink' | 'ping' | 'pong'

export interface BareData {
  readonly role: BareRole
  readonly port: MessagePort
}

const batch = 256
const batchesUnderWayMax = 4
const { role, port } = workerData as BareData
const main = parentPort!
const codec = new MessageCodec()
const roles: Readonly<Record<BareRole, () => void>> = { source, sink, ping, pong }
roles[role]()

function source(): void {
  let next = 0
  let end = 0
  let underWay = 0
  const send = (): void => {
    while (underWay < batchesUnderWayMax && next < end) {
      const items: Small[] = []
      const until = Math.min(end, next + batch)
      for (; next < until; next++) items.push(makeSmall(next))
      underWay++
      port.postMessage(new Uint8Array(codec.encode(items, 0)))
    }
  }
  port.on('message', (batches: number) => {
    underWay -= batches
    send()
  })
  main.on('message', (count: number) => {
    next = 0
    end = count
    send()
  })
}

function sink(): void {
  let left = 0
  let sum = 0
  const settle = (): void => {
    if (left !== 0) return
    main.postMessage(sum)
    sum = 0
  }
  port.on('message', (frame: Uint8Array) => {
    const items = codec.decode(frame) as Small[]
    for (const { id } of items) sum += id
    left -= items.length
    port.postMessage(1)
    settle()
  })
  main.on('message', (count: number) => {
    left += count
    settle()
  })
}

/** One message at a time, as it is: the port's own way to copy an object. */
function ping(): void {
  let next = 0
  let left = 0
  let sum = 0
  port.on('message', ({ id }: Small) => {
    sum += id
    left--
    if (left > 0) {
      port.postMessage(makeSmall(next++))
      return
    }
    main.postMessage(sum)
    sum = 0
  })
  main.on('message', (count: number) => {
    next = 0
    left = count
    port.postMessage(makeSmall(next++))
  })
}

function pong(): void {
  port.on('message', (message: Small) => port.postMessage(message))
}
