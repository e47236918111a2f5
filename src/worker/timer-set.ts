import type { Cancel, Clock } from '../base/clock.ts'
import { encodeKey } from '../state/keys.ts'

export interface DueTimer {
  readonly name: string
  readonly key: unknown
}

/** Timers of one instance, by name and key. One that is due waits for its turn. */
export class TimerSet {
  private readonly clock: Clock
  private readonly onDue: () => void
  private readonly pending = new Map<string, Cancel>()
  private readonly due: DueTimer[] = []

  constructor(clock: Clock, onDue: () => void) {
    this.clock = clock
    this.onDue = onDue
  }

  get isDue(): boolean {
    return this.due.length > 0
  }

  get isPending(): boolean {
    return this.pending.size > 0
  }

  set(name: string, key: unknown, delayMs: number): void {
    const id = timerId(name, key)
    this.cancel(name, key)
    const cancel = this.clock.after(delayMs, () => {
      this.pending.delete(id)
      this.due.push({ name, key })
      this.onDue()
    })
    this.pending.set(id, cancel)
  }

  cancel(name: string, key: unknown): void {
    const id = timerId(name, key)
    this.pending.get(id)?.()
    this.pending.delete(id)
    const at = this.due.findIndex((timer) => timerId(timer.name, timer.key) === id)
    if (at >= 0) this.due.splice(at, 1)
  }

  take(): DueTimer {
    return this.due.shift()!
  }

  cancelAll(): void {
    for (const cancel of this.pending.values()) cancel()
    this.pending.clear()
    this.due.length = 0
  }
}

function timerId(name: string, key: unknown): string {
  return `${name}\u0000${encodeKey(key)}`
}
