/** How many messages an instance handles in one turn, as long as they take no time. */
export const turnMessagesMax = 4096
/** A turn ends with the message that takes it beyond, so that others, and the event loop, get theirs. */
const turnMsMax = 4
/** Reading the clock costs as much as five small messages. */
const stepMessagesMax = 128
/** A step quicker than that is followed by a longer one; a slower one by one that would have taken that long. */
const stepMsWanted = 0.5

/**
 * When to read the clock in a turn over messages of which nobody knows how long they take: after steps, of as many messages as have
 * taken little time before. It begins with one; where messages become slow of a sudden, one step is too long.
 */
export class TurnPace {
  /** Messages until the next reading. */
  step = 1
  /** Of the clock: the last one, in milliseconds. */
  readMs = 0
  private endMs = 0

  begin(nowMs: number): void {
    this.readMs = nowMs
    this.endMs = nowMs + turnMsMax
  }

  /** The turn has had its time, as far as is known. */
  get hasEnded(): boolean {
    return this.readMs >= this.endMs
  }

  /** To be called behind each step, and where the last one comes to its end before. Whether the turn has had its time. */
  isOver(nowMs: number, messages: number): boolean {
    const tookMs = nowMs - this.readMs
    this.readMs = nowMs
    if (tookMs > stepMsWanted) this.step = Math.max(1, Math.floor((messages * stepMsWanted) / tookMs))
    else if (tookMs < stepMsWanted / 2 && messages >= this.step)
      this.step = Math.min(stepMessagesMax, this.step * 2)
    return this.hasEnded
  }
}
