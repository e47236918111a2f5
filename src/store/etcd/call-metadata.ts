import { Metadata } from '@grpc/grpc-js'

const stepMs = 250

/**
 * What is said beside a request. How long the member should try is said by the header that gRPC makes of a call's deadline;
 * made here it is made once for all calls, and gRPC sets no timer of its own for each.
 */
export class CallMetadata {
  /** For streams, which have no end. */
  readonly endless: Metadata
  private readonly token: string | undefined
  /** By steps; bounded by the longest time-out that is used. */
  private readonly bySteps: Metadata[] = []

  constructor(token?: string) {
    this.token = token
    this.endless = this.make()
  }

  /** `timeoutMs` is rounded up. */
  within(timeoutMs: number): Metadata {
    const steps = Math.max(1, Math.ceil(timeoutMs / stepMs))
    const known = this.bySteps[steps]
    if (known !== undefined) return known
    const metadata = this.make()
    metadata.set('grpc-timeout', `${steps * stepMs}m`)
    this.bySteps[steps] = metadata
    return metadata
  }

  private make(): Metadata {
    const metadata = new Metadata()
    // EM-3
    metadata.set('hasleader', 'true')
    if (this.token !== undefined && this.token !== '') metadata.set('token', this.token)
    return metadata
  }
}
