import { turnMsMax } from './turn-pace.ts'

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
