/** Bounds of a journal; each can be set when it is opened. */
export interface JournalLimits {
  /** Of all its files. Default 16 GiB: what a disk of today has to spare; raise it where snapshots are rare. */
  readonly bytesMax: number
  /** Of one file, before the next is begun: what is released is deleted by whole files. Default 64 MiB. */
  readonly segmentBytesMax: number
  /** Of what waits to be written. Default 64 MiB. */
  readonly pendingBytesMax: number
  /** Of one record. Default 16 MiB. */
  readonly recordBytesMax: number
}

export const defaultLimits: JournalLimits = {
  bytesMax: 16 * 1024 ** 3,
  segmentBytesMax: 64 * 1024 ** 2,
  pendingBytesMax: 64 * 1024 ** 2,
  recordBytesMax: 16 * 1024 ** 2,
}

/** Of one write with its sync: more wait for the next one. A record that is larger has a write of its own. */
export const groupBytesMax = 4 * 1024 ** 2
/** Of one frame, whatever the limits were when it was written. */
export const frameBytesMax = 256 * 1024 ** 2
