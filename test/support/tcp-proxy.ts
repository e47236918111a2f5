import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

interface Pair {
  readonly client: Socket
  readonly server: Socket
  /** Nothing may pass behind the place where it was cut: a line never leaves out bytes. */
  isOver: boolean
}

/** A TCP proxy that harms lines in the ways in which the world does. */
export class TcpProxy {
  port = 0
  /** Lines that were made so far. */
  lines = 0
  passedBytes = 0
  /** Nothing passes, in both directions; nobody is told. */
  isStalled = false
  /** New lines are closed at once. */
  isCut = false
  /** Bytes until the line is reset, wherever in a frame that is. Set again for each cut. */
  cutAfterBytes = Number.POSITIVE_INFINITY
  /** Bytes pass in pieces of this size. */
  pieceBytes = Number.POSITIVE_INFINITY
  readonly #target: number
  readonly #server: Server = createServer({ noDelay: true })
  readonly #pairs = new Set<Pair>()

  private constructor(target: number) {
    this.#target = target
  }

  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target)
    proxy.#server.on('connection', (client) => proxy.#accept(client))
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    const address = proxy.#server.address()
    if (address === null || typeof address === 'string') throw new Error('a port was asked for')
    proxy.port = address.port
    return proxy
  }

  get openLines(): number {
    return this.#pairs.size
  }

  reset(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy()
      server.resetAndDestroy()
    }
    this.#pairs.clear()
  }

  close(): void {
    this.reset()
    this.#server.close()
  }

  #accept(client: Socket): void {
    if (this.isCut) {
      client.resetAndDestroy()
      return
    }
    this.lines++
    const server = connect({ port: this.#target, host: '127.0.0.1', noDelay: true })
    const pair = { client, server, isOver: false }
    this.#pairs.add(pair)
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('error', () => {})
      from.on('data', (bytes: Buffer) => this.#pass(bytes, to, pair))
      from.on('end', () => to.end())
      from.on('close', () => {
        this.#pairs.delete(pair)
        to.destroy()
      })
    }
  }

  #pass(bytes: Buffer, to: Socket, pair: Pair): void {
    if (this.isStalled || pair.isOver) return
    this.passedBytes += bytes.length
    this.cutAfterBytes -= bytes.length
    if (this.cutAfterBytes < 0) {
      to.write(bytes.subarray(0, Math.max(0, bytes.length + this.cutAfterBytes)))
      this.cutAfterBytes = Number.POSITIVE_INFINITY
      pair.isOver = true
      // After what was written, so that the line ends within a frame.
      setImmediate(() => this.reset())
      return
    }
    for (let at = 0; at < bytes.length; at += this.pieceBytes) {
      to.write(bytes.subarray(at, Math.min(bytes.length, at + this.pieceBytes)))
    }
  }
}
