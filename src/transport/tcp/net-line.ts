import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Refusal } from './hello.ts'
import type { Line, LineHandlers } from './line.ts'
import { peerFault } from './tls.ts'

/**
 * `defer` of endpoints over sockets: after what runs now and its promises, before input. All that a turn sends leaves in
 * one write, and an answer does not wait for another round of the event loop.
 */
export function deferWithinTurn(action: () => void): void {
  process.nextTick(action)
}

/** How long a line that was ended may stay quiet before it is destroyed, in milliseconds. */
const lingerMs = 2_000

/** A socket as a line. */
export class NetLine implements Line {
  readonly remote: string
  readonly #socket: Socket
  readonly #isTls: boolean
  #isDestroyed = false

  constructor(socket: Socket, remote: string, isTls: boolean) {
    this.#socket = socket
    this.remote = remote
    this.#isTls = isTls
    // Frames are gathered by us; waiting for more would only delay answers.
    socket.setNoDelay(true)
  }

  handle(handlers: LineHandlers, mapError: (error: Error) => Error = (error) => error): void {
    const socket = this.#socket
    let failure: Error | undefined
    socket.on('data', (bytes: Uint8Array) => {
      if (!this.#isDestroyed) handlers.bytes(bytes)
    })
    socket.on('drain', () => {
      if (!this.#isDestroyed) handlers.drained()
    })
    socket.on('error', (error) => {
      failure = mapError(error)
    })
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      if (!this.#isDestroyed) handlers.closed(failure)
    })
  }

  write(parts: readonly Uint8Array[]): boolean {
    const socket = this.#socket
    if (parts.length === 1) return socket.write(parts[0]!)
    let isFine = true
    socket.cork()
    for (const part of parts) isFine = socket.write(part)
    socket.uncork()
    return isFine
  }

  end(): void {
    this.#socket.setTimeout(lingerMs, () => this.#socket.destroy())
    this.#socket.end()
  }

  destroy(): void {
    this.#isDestroyed = true
    this.#socket.destroy()
  }

  identityFault(node: string): Refusal | undefined {
    return this.#isTls ? peerFault(this.#socket as TLSSocket, node) : undefined
  }
}
