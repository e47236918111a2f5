import { type ChannelInterface, type Metadata, status, type StatusObject } from '@grpc/grpc-js'
import type { Method } from './protocol.ts'

type GrpcCall = ReturnType<ChannelInterface['createCall']>
type GrpcListener = Parameters<GrpcCall['start']>[1]

/** Hears how a call ended: `response` where `code` is OK. */
export type UnaryEnd<R> = (code: number, details: string, response: R | undefined) => void

/**
 * A call with one request and one response, made at the channel. `Client.makeUnaryRequest` does the same behind interceptors,
 * an event emitter and a stack trace of each call, of which nothing is wanted here: together a fifth of the call's CPU time.
 */
export class UnaryCall<Q, R> implements GrpcListener {
  private readonly call: GrpcCall
  private readonly method: Method<Q, R>
  private readonly onEnd: UnaryEnd<R>
  private response: R | undefined
  private fault: string | undefined

  constructor(channel: ChannelInterface, method: Method<Q, R>, onEnd: UnaryEnd<R>) {
    this.method = method
    this.onEnd = onEnd
    this.call = channel.createCall(method.path, Infinity, undefined, null, undefined)
  }

  send(request: Q, metadata: Metadata): void {
    const { call } = this
    const bytes = this.method.serialize(request)
    call.start(metadata, this)
    call.startRead()
    call.sendMessageWithContext({}, bytes)
    call.halfClose()
  }

  cancel(): void {
    this.call.cancelWithStatus(status.CANCELLED, 'the call was cancelled')
  }

  onReceiveMetadata(): void {
    // Nothing in it is of use.
  }

  onReceiveMessage(bytes: Buffer): void {
    try {
      this.response = this.method.deserialize(bytes)
    } catch (error) {
      this.fault = `the answer cannot be read: ${String(error)}`
      this.call.cancelWithStatus(status.INTERNAL, this.fault)
    }
  }

  onReceiveStatus({ code, details }: StatusObject): void {
    if (this.fault !== undefined) this.onEnd(status.INTERNAL, this.fault, undefined)
    else if (code === status.OK && this.response === undefined)
      this.onEnd(status.UNIMPLEMENTED, 'the answer has no message', undefined)
    else this.onEnd(code, details, this.response)
  }
}
