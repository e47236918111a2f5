/** How many messages an instance handles in one turn, as long as they take no time. */
export const turnMessagesMax = 4096
/** A turn ends with the message that takes it beyond, so that others, and the event loop, get theirs. */
const turnMsMax = 4
/** Reading the clock costs as much as five small messages. */
const stepMessagesMax = 128
/** A step quicker than that is followed by a longer one; a slower one by one that would have taken that long. */
const stepMsWanted = 0.5

/**
 * Whether the turn that is under way is asked to end with the message that it is at: one number, not 0 then, in memory shared with
 * whoever watches over the thread from another one. Looking at it costs less than a tenth of reading the clock.
 */
export type YieldAsked = Int32Array

/** Where nobody watches. */
export const neverAsked: YieldAsked = new Int32Array(1)

/**
 * When to read the clock in a turn over messages of which nobody knows how long they take: after steps, of as many messages as have
 * taken little time before. It begins with one. Where messages become slow of a sudden, one step is too long each time: then the turn ends
 * when it is asked to (`YieldAsked`).
 */
export class TurnPace {
  /** Messages until the next reading, if nobody asks for it before. */
  step = 1
  /** Of the clock: the last one, in milliseconds. */
  readMs = 0
  private endMs = 0
  private readonly yieldAsked: YieldAsked

  constructor(yieldAsked = neverAsked) {
    this.yieldAsked = yieldAsked
  }

  begin(nowMs: number): void {
    this.readMs = nowMs
    this.endMs = nowMs + turnMsMax
  }

  /** Whether the clock is to be read, so many messages after the last reading. */
  isDue(messages: number): boolean {
    return messages >= this.step || this.yieldAsked[0] !== 0
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
/** Two polls tell what one takes by itself where one has so many times the messages of the other. */
const comparedTimes = 1.5

interface Poll {
  readonly ms: number
  readonly messages: number
}

/**
 * For how many messages to ask a reader, in a poll that nobody can break off: as many as take no longer than a turn may. Where a poll takes
 * long by itself, whatever it gives (a query, a file), few messages would make it no shorter: then it may take that twice.
 */
export class PollSize {
  messagesMax = firstPollMessages
  /** What a poll takes by itself, as far as is known. */
  private ownMs = 0
  private compared: Poll | undefined

  /** `ms`: for which the poll has kept others waiting. */
  took(ms: number, messages: number): void {
    if (messages === 0) return
    this.compare({ ms, messages })
    const eachMs = (ms - this.ownMs) / messages
    const leftMs = Math.max(turnMsMax, 2 * this.ownMs) - this.ownMs
    const fit = eachMs > 0 ? Math.floor(leftMs / eachMs) : Infinity
    // Some give less than they are asked for: whole batches.
    const most = 2 * messages > this.messagesMax ? 2 * this.messagesMax : this.messagesMax
    this.messagesMax = Math.max(1, Math.min(fit, most, pollMessagesMax))
  }

  private compare(poll: Poll): void {
    const { compared = poll } = this
    const [less, more] = compared.messages < poll.messages ? [compared, poll] : [poll, compared]
    if (more.messages >= comparedTimes * less.messages) {
      const eachMs = Math.max(0, (more.ms - less.ms) / (more.messages - less.messages))
      this.ownMs = Math.max(0, Math.min(less.ms, more.ms) - eachMs * less.messages)
      this.compared = poll
    } else if (compared.messages === poll.messages) this.compared = poll
  }
}
