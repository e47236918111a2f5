/** How many messages an instance handles in one turn, as long as they take no time. */
export const turnMessagesMax = 4096
/** A turn ends with the message that takes it beyond, so that others, and the event loop, get theirs. */
export const turnMsMax = 4
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

  /** Takes a reading that says nothing of how long messages take. */
  note(nowMs: number): void {
    this.readMs = nowMs
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
