import type { Cancel, Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import { encodeKey } from '../state/keys.ts'

export interface DueTimer {
  readonly name: string
  readonly key: unknown
  /** Milliseconds since 1970. */
  readonly dueMs: number
}

/** Timers of one instance, by name and key. One that is due waits for its turn. */
export class TimerSet {
  private readonly clock: Clock
  private readonly onDue: () => void
  private readonly pending = new Map<string, DueTimer & { readonly cancel: Cancel }>()
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
    this.cancel(name, key)
    this.add({ name, key, dueMs: this.clock.now() + delayMs }, delayMs)
  }

  /** All that are set, those that are due first, in their order. */
  get all(): readonly DueTimer[] {
    const pending = [...this.pending.values()].map(({ name, key, dueMs }) => ({ name, key, dueMs }))
    return [...this.due, ...pending]
  }

  get names(): ReadonlySet<string> {
    return new Set(this.all.map(({ name }) => name))
  }

  /** As a snapshot has them. */
  restore(timers: readonly DueTimer[]): void {
    const nowMs = this.clock.now()
    for (const timer of timers) this.add(timer, Math.max(0, timer.dueMs - nowMs))
  }

  private add(timer: DueTimer, delayMs: number): void {
    const id = timerId(timer.name, timer.key)
    const cancel = this.clock.after(delayMs, () => {
      this.pending.delete(id)
      this.due.push(timer)
      this.onDue()
    })
    this.pending.set(id, { ...timer, cancel })
  }

  cancel(name: string, key: unknown): void {
    const id = timerId(name, key)
    this.pending.get(id)?.cancel()
    this.pending.delete(id)
    const at = this.due.findIndex((timer) => timerId(timer.name, timer.key) === id)
    if (at >= 0) this.due.splice(at, 1)
  }

  take(): DueTimer {
    return this.due.shift()!
  }

  /** Those of a name, or all. */
  cancelAll(name?: string): void {
    for (const timer of this.all)
      if (name === undefined || timer.name === name) this.cancel(timer.name, timer.key)
  }
}

function timerId(name: string, key: unknown): string {
  return `${name}\u0000${encodeKey(key)}`
}

/** Of those that a snapshot has: another version of the component may have no use for one; else nobody has thought of it. */
export function checkTimers(timers: TimerSet, handlers: object | undefined, isMigrated: boolean): void {
  for (const name of timers.names) {
    if (handlers !== undefined && Object.hasOwn(handlers, name)) continue
    if (!isMigrated)
      throw new VertigoError(
        'TIMER_UNKNOWN',
        `the snapshot has a timer "${name}", for which there is no handler`,
      )
    timers.cancelAll(name)
  }
}
