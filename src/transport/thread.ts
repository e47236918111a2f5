import type { MessagePort } from 'node:worker_threads'
import type { Link } from './link.ts'

/** Above this, moving a copy is cheaper than having it copied once more by the port. */
const transferBytesMin = 64 * 1024

/** A link between two threads: a MessagePort. */
export function threadLink(port: MessagePort): Link {
  return {
    send(frame) {
      const copy = new Uint8Array(frame)
      if (copy.byteLength >= transferBytesMin) port.postMessage(copy, [copy.buffer])
      else port.postMessage(copy)
    },
    receive(onFrame) {
      port.on('message', onFrame)
    },
    close() {
      port.close()
    },
  }
}
