/** Bounds and times of links over lines; every one can be set for an endpoint. */
export interface LineLimits {
  /** Silence of the other end, in milliseconds, after which it counts as unreachable. The same at both ends. */
  readonly linkLossMs: number
  /** Longest frame that is accepted, in bytes; checked before room is made for it. */
  readonly frameBytesMax: number
  /** Bytes kept for sending again until the other end has confirmed them. A frame is refused above, never dropped. */
  readonly unackedBytesMax: number
  /** Bytes received before this end confirms them without having anything else to send. */
  readonly ackBytes: number
  /** Bytes of frames that may wait for `receive` to be called. */
  readonly earlyBytesMax: number
  /** Bytes of one handshake message. */
  readonly helloBytesMax: number
  /** How long a stranger may take for its handshake, TLS included, in milliseconds. */
  readonly helloMs: number
  /** Strangers that may be at their handshake at a time; another one takes the place of the oldest. */
  readonly handshakesMax: number
  /** Pause before a line is made anew, in milliseconds: from the first, doubling, to the last. */
  readonly redialMsMin: number
  readonly redialMsMax: number
  /** Least pause after a refusal, in milliseconds: asking again soon would change nothing. */
  readonly refusedMsMin: number
}

const mebibyte = 1024 * 1024

/**
 * 2 s of silence are more than a collection of garbage or a lost packet takes, and less than a lease. Unconfirmed bytes
 * are bounded by the credit of the channels in the first place (1 MiB each); the limit is for what goes wrong.
 */
export const defaultLineLimits: LineLimits = {
  linkLossMs: 2_000,
  frameBytesMax: 256 * mebibyte,
  unackedBytesMax: 512 * mebibyte,
  ackBytes: mebibyte / 4,
  earlyBytesMax: 64 * mebibyte,
  helloBytesMax: 8 * 1024,
  helloMs: 2_000,
  handshakesMax: 64,
  redialMsMin: 25,
  redialMsMax: 1_000,
  refusedMsMin: 250,
}
