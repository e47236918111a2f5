import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { MessageCodec } from '../../src/wire/message-codec.ts'
import { type BatchLine, sink, source } from './batch-ends.ts'
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

const { role, port } = workerData as BareData
const main = parentPort!
const codec = new MessageCodec()
const line: BatchLine = {
  sendItems: (items) => port.postMessage(new Uint8Array(codec.encode(items, 0))),
  sendTaken: () => port.postMessage(1),
  onItems: (take) => port.on('message', (frame: Uint8Array) => take(codec.decode(frame) as Small[])),
  onTaken: (free) => port.on('message', free),
}
const roles: Readonly<Record<BareRole, () => void>> = {
  source: () => source(main, line),
  sink: () => sink(main, line),
  ping,
  pong,
}
roles[role]()

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
