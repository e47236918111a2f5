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

  /** A reading that says nothing of how long messages take. Whether the turn has had its time. */
  isOverAt(nowMs: number): boolean {
    this.readMs = nowMs
    return this.hasEnded
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

/** Asked of a reader at once: the first time, before it is known how large its messages are and how long they take, and at most. */
const [firstPollMessages, pollMessagesMax] = [8, 256]

/** For how many messages to ask a reader, in a poll that nobody can break off: as many as have taken no longer than a turn may before. */
export class PollSize {
  messagesMax = firstPollMessages

  /** `ms`: for which the poll has kept others waiting; 0 where it gave a promise. */
  took(ms: number, messages: number): void {
    if (ms > turnMsMax) this.messagesMax = Math.max(1, Math.floor((messages * turnMsMax) / ms))
    else if (ms < turnMsMax / 2 && messages >= this.messagesMax)
      this.messagesMax = Math.min(pollMessagesMax, this.messagesMax * 2)
  }
}
