import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

/**
 * The sockets that were made by what ran inside of `run`, so that they can be destroyed, and
 * looked at.
 *
 * `@grpc/grpc-js` does not let go of a connection that is still being made when its client is closed: one to a host that does
 * not answer would hold the process for two minutes, one to a member that hangs would stay for as long as that. Node tells
 * of each socket on a documented channel, and whose it is by the asynchronous context.
 */
export class OwnSockets {
  private readonly sockets = new Set<Socket>()
  /** The context is made once: calls are many. */
  private readonly inContext = context.run(this, () => AsyncLocalStorage.snapshot())

  run<R>(make: () => R): R {
    return this.inContext(make)
  }

  add(socket: Socket): void {
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
  }

  /** What the open ones have received; grows while an answer comes in that is not complete yet. */
  get bytesRead(): number {
    let bytes = 0
    for (const socket of this.sockets) bytes += socket.bytesRead
    return bytes
  }

  destroyAll(): void {
    for (const socket of this.sockets) socket.destroy()
  }
}

const context = new AsyncLocalStorage<OwnSockets>()

subscribe('net.client.socket', (message) => {
  context.getStore()?.add((message as { readonly socket: Socket }).socket)
})
