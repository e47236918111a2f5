import type { Metadata } from '@grpc/grpc-js'
import type { Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { Attempt } from './attempt.ts'
import { CallMetadata } from './call-metadata.ts'
import { credentialsFor, type EtcdTls } from './credentials.ts'
import { closedError, Deadline } from './deadline.ts'
import { DueTimes } from './due-times.ts'
import { Effort } from './effort.ts'
import { Endpoint } from './endpoint.ts'
import { AttemptFailed } from './failure.ts'
import { Gate } from './gate.ts'
import { Patience } from './patience.ts'
import { type Method, methods } from './protocol.ts'

/** More than these at once would only queue in etcd, where waiting looks like a member that hangs. */
export const callsInFlightMax = 128

const anonymous = new CallMetadata()

export interface MembersOptions {
  readonly endpoints: readonly string[]
  readonly tls: EtcdTls | undefined
  readonly user: string | undefined
  readonly password: string | undefined
  /** A key to ask for where only an answer matters. */
  readonly probeKey: Uint8Array
  readonly clock: Clock
  readonly random: Random
}

/**
 * The members of an etcd cluster, one of which is asked at a time: the current one, until it fails.
 *
 * - EM-1 A call that may be repeated is repeated, each time at the next endpoint, until it is answered or its time is over.
 * - EM-2 A call that must not be repeated is sent only over a connection that has answered before.
 * - EM-3 All requests say `hasleader`: a member without a leader refuses at once, with nothing done.
 */
export class Members {
  readonly clock: Clock
  readonly random: Random
  readonly patience: Patience
  readonly gate = new Gate(callsInFlightMax)
  /** Of the attempts that are under way. */
  readonly dueTimes: DueTimes
  readonly probeKey: Uint8Array
  isClosed = false
  private readonly endpoints: readonly Endpoint[]
  private readonly user: string | undefined
  private readonly password: string | undefined
  private at = 0
  private metadata = anonymous
  private authenticating: Promise<void> | undefined

  constructor(options: MembersOptions) {
    const { endpoints, tls, clock, random } = options
    this.clock = clock
    this.dueTimes = new DueTimes(clock)
    this.random = random
    this.user = options.user
    this.password = options.password
    this.probeKey = options.probeKey
    this.patience = new Patience(endpoints.length)
    this.endpoints = endpoints.map((address) => new Endpoint(address, credentialsFor(address, tls), clock))
  }

  get current(): Endpoint {
    return this.endpoints[this.at]!
  }

  get count(): number {
    return this.endpoints.length
  }

  /** For messages. */
  get addresses(): string {
    return this.endpoints.map(({ address }) => address).join(', ')
  }

  /** For streams. */
  get metadataNow(): Metadata {
    return this.metadata.endless
  }

  /** Others may have left the endpoint already. */
  leave(endpoint: Endpoint): void {
    if (this.current === endpoint) this.at = (this.at + 1) % this.endpoints.length
  }

  /** Runs `call` when fewer than `callsInFlightMax` are under way. */
  async inTurn<R>(deadline: Deadline, call: () => Promise<R>): Promise<R> {
    if (!this.gate.tryEnter()) {
      const isIn = await this.gate.wait((stop) => deadline.onEnd(stop))
      if (!isIn) {
        deadline.signal?.throwIfAborted()
        throw new VertigoError(
          'STORE_UNREACHABLE',
          `${callsInFlightMax} calls were under way for ${deadline.timeoutMs} ms, and none ended.`,
        )
      }
    }
    try {
      if (this.isClosed) throw closedError()
      return await call()
    } finally {
      this.gate.leave()
    }
  }

  /** Repeats a call that is harmless to repeat until it is answered (EM-1). */
  async call<Q, R>(method: Method<Q, R>, request: Q, deadline: Deadline, effort?: Effort): Promise<R> {
    effort ??= new Effort(this, deadline)
    for (;;) {
      const endpoint = this.current
      try {
        return await this.attempt(endpoint, method, request, effort.attemptMs, deadline)
      } catch (error) {
        await effort.failed(endpoint, error)
      }
    }
  }

  /** An endpoint that a call can be sent to which must not be repeated (EM-2). */
  async connected(deadline: Deadline, effort: Effort): Promise<Endpoint> {
    while (!this.current.isReady)
      await this.call(methods.range, { key: this.probeKey, countOnly: true }, deadline, effort)
    return this.current
  }

  /** One attempt at one endpoint (`attempt.ts`); rejects with `AttemptFailed`. */
  attempt<Q, R>(
    endpoint: Endpoint,
    method: Method<Q, R>,
    request: Q,
    silenceMs: number,
    deadline: Deadline,
  ): Promise<R> {
    // A token that is no longer valid would spoil the asking for another.
    const metadata = (method as object) === methods.authenticate ? anonymous : this.metadata
    return new Promise((resolve, reject) => {
      new Attempt<Q, R>(this, endpoint, silenceMs, deadline, resolve, reject).send(method, request, metadata)
    })
  }

  /** Gets a new token, once for all who need one. */
  authenticate(): Promise<void> {
    this.authenticating ??= this.login(new Deadline(this.clock, {})).finally(() => {
      this.authenticating = undefined
    })
    return this.authenticating
  }

  /** Gets a token, if the store gives any. */
  async login(deadline: Deadline): Promise<void> {
    const { user, password } = this
    if (user === undefined || password === undefined)
      throw new VertigoError('STORE_REFUSED', 'The store asks for a user and a password.')
    const effort = new Effort(this, deadline, { isLogin: true })
    let token: string | undefined
    try {
      ;({ token } = await this.call(methods.authenticate, { name: user, password }, deadline, effort))
    } catch (error) {
      // A password for a store without any is no fault: it may come to have one later.
      if (!isNotEnabled(error)) throw error
    }
    this.metadata = new CallMetadata(token)
  }

  get hasUser(): boolean {
    return this.user !== undefined
  }

  close(): void {
    this.isClosed = true
    for (const endpoint of this.endpoints) endpoint.drop()
  }
}

function isNotEnabled(error: unknown): boolean {
  const cause = error instanceof VertigoError ? error.cause : undefined
  return cause instanceof AttemptFailed && cause.details.includes('authentication is not enabled')
}
