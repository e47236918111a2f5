import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

interface Pair {
  readonly client: Socket
  readonly server: Socket
}

/** A TCP proxy that loses and delays, one direction at a time. */
export class FaultProxy {
  port = 0
  readonly #listener: Server
  readonly #pairs = new Set<Pair>()
  #isHoldingRequests = false
  #isHoldingAnswers = false
  /** What clients sent while requests are held. */
  readonly #held: (() => void)[] = []
  heldBytes = 0
  /** How fast the server's answers pass. */
  answerBytesPerS = Infinity
  /** How fast requests pass. */
  requestBytesPerS = Infinity
  /** How much of the server's answers passes on each connection; then it stands still, and what comes is lost. */
  answerBytesMax = Infinity
  /** Of all connections. */
  answeredBytes = 0
  /** How long each of the answers is on its way. */
  answerDelayMs = 0

  private constructor(listener: Server) {
    this.#listener = listener
  }

  /** In front of `host:port`; at a port of its own, or at a given one. */
  static async start(endpoint: string, at = 0): Promise<FaultProxy> {
    const { hostname, port } = new URL(`http://${endpoint}`)
    const listener = createServer()
    const proxy = new FaultProxy(listener)
    listener.on('connection', (client) => proxy.#accept(client, connect(Number(port), hostname)))
    listener.listen(at, '127.0.0.1')
    await once(listener, 'listening')
    const address = listener.address()
    if (address === null || typeof address === 'string') throw new Error('a port was asked for')
    proxy.port = address.port
    return proxy
  }

  /** Of clients, now. */
  get connections(): number {
    return this.#pairs.size
  }

  get endpoint(): string {
    return `127.0.0.1:${this.port}`
  }

  /** What clients send stays here until `release`. */
  holdRequests(): void {
    this.#isHoldingRequests = true
  }

  /** What the server says stays here until `release`, or is lost by `cut`. */
  holdAnswers(): void {
    this.#isHoldingAnswers = true
    for (const { server } of this.#pairs) server.pause()
  }

  /** From now on all passes, what was held first. */
  release(): void {
    this.#isHoldingRequests = false
    this.#isHoldingAnswers = false
    this.#passHeld()
    for (const { server } of this.#pairs) server.resume()
  }

  /** Ends all connections; what was held is lost. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy()
      server.destroy()
    }
    this.#pairs.clear()
    this.#held.length = 0
    this.heldBytes = 0
    this.#isHoldingRequests = false
    this.#isHoldingAnswers = false
  }

  /** Like `cut`, but what clients sent before still reaches the server: its side stays open. */
  cutClients(): void {
    this.#passHeld()
    for (const { client } of this.#pairs) client.resetAndDestroy()
  }

  async close(): Promise<void> {
    this.cut()
    if (!this.#listener.listening) return
    const closed = once(this.#listener, 'close')
    this.#listener.close()
    await closed
  }

  #passHeld(): void {
    for (const pass of this.#held.splice(0)) pass()
    this.heldBytes = 0
  }

  #hold(bytes: Buffer, server: Socket): void {
    this.heldBytes += bytes.length
    this.#held.push(() => server.write(bytes))
  }

  #accept(client: Socket, server: Socket): void {
    const pair = { client, server }
    this.#pairs.add(pair)
    client.setNoDelay()
    server.setNoDelay()
    client.on('data', (bytes: Buffer) => {
      if (this.#isHoldingRequests) this.#hold(bytes, server)
      else server.write(bytes)
      if (this.requestBytesPerS === Infinity) return
      client.pause()
      setTimeout(() => client.resume(), (bytes.length / this.requestBytesPerS) * 1_000)
    })
    let passed = 0
    server.on('data', (all: Buffer) => {
      const bytes = all.subarray(0, Math.max(0, this.answerBytesMax - passed))
      passed += bytes.length
      this.answeredBytes += bytes.length
      if (bytes.length === 0) return
      if (this.answerDelayMs === 0) client.write(bytes)
      else setTimeout(() => client.writable && client.write(bytes), this.answerDelayMs)
      if (this.answerBytesPerS === Infinity) return
      server.pause()
      setTimeout(
        () => this.#isHoldingAnswers || server.resume(),
        (bytes.length / this.answerBytesPerS) * 1_000,
      )
    })
    if (this.#isHoldingAnswers) server.pause()
    for (const socket of [client, server]) socket.on('error', () => {})
    client.on('end', () => server.end())
    server.on('end', () => client.end())
    server.on('close', () => {
      client.destroy()
      this.#pairs.delete(pair)
    })
  }
}
