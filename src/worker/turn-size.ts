const turnMessagesMin = 1
const turnMessagesMax = 4096
/** A turn longer than this is followed by a shorter one, so that others, and the event loop, get theirs. */
const turnMsMax = 4

/** How many messages an instance handles in one turn: as many as take about the time that it may have. */
export class TurnSize {
  messages = 256

  /** `left`: of the messages that it might have handled. */
  adapt(elapsedMs: number, left: number): void {
    if (elapsedMs > turnMsMax) this.messages = Math.max(turnMessagesMin, this.messages >> 1)
    else if (left <= 0 && elapsedMs < turnMsMax / 4) {
      this.messages = Math.min(turnMessagesMax, this.messages * 2)
    }
  }
}
