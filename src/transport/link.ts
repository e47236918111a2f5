/** One of the two ends of an ordered byte link: frames arrive whole, in the order sent, or the link is broken. */
export interface Link {
  /** Takes the bytes before it returns: the caller may write over them. */
  send(frame: Uint8Array): void
  /** Set once. Frames that arrive before wait for it. */
  receive(onFrame: (frame: Uint8Array) => void): void
  close(): void
}
