/** Bounds of what waits between components. Every one can be set for a run. */
export interface ChannelLimits {
  /** Messages in one channel before its sender is not called any more. */
  readonly queueMessagesMax: number
  /** Bytes (estimated within a thread, exact between threads) likewise. At least one message always fits. */
  readonly queueBytesMax: number
  /** Messages that travel together. */
  readonly parcelMessagesMax: number
  /** Bytes that travel together; one larger message travels alone. */
  readonly parcelBytesMax: number
}

/**
 * 256 messages in a parcel is where the cost per message of a frame levels off; four parcels in a channel keep both
 * ends busy; and 1 MiB a channel keeps hundreds of channels within what a small machine has.
 */
export const defaultChannelLimits: ChannelLimits = {
  queueMessagesMax: 1024,
  queueBytesMax: 1024 * 1024,
  parcelMessagesMax: 256,
  parcelBytesMax: 64 * 1024,
}

/** Messages that a handler may emit for one message without giving the engine the chance to pause it. */
export const emitPerMessageMaxDefault = 10_000

/** Messages of a channel that may wait for an earlier group of the same name. */
export const groupHeldMessagesMax = 100_000

/** Messages that may wait on a back edge, which knows no back-pressure: it would stop its own cycle. */
export const backEdgeMessagesMax = 1_000_000
