import type { Cancel } from '../../base/clock.ts'

/** What becomes due while something stands still: it waits, and runs in its order, one turn after the other, afterwards. */
export class Standstill {
  private readonly nextTurn: (action: () => void) => void
  private phase: 'runs' | 'stands' | 'waking' | 'over' = 'runs'
  private due: (() => void)[] = []

  constructor(nextTurn: (action: () => void) => void) {
    this.nextTurn = nextTurn
  }

  get stands(): boolean {
    return this.phase === 'stands'
  }

  get isOver(): boolean {
    return this.phase === 'over'
  }

  begin(): void {
    if (this.phase !== 'over') this.phase = 'stands'
  }

  end(): void {
    if (this.phase !== 'stands') return
    this.phase = 'waking'
    this.wake()
  }

  /** Nothing runs any more. */
  endForGood(): void {
    this.phase = 'over'
    this.due = []
  }

  run(action: () => void): void {
    if (this.phase === 'runs') action()
    else if (this.phase !== 'over') this.due.push(action)
  }

  private wake(): void {
    this.nextTurn(() => {
      if (this.phase !== 'waking') return
      const action = this.due.shift()
      if (action === undefined) {
        this.phase = 'runs'
        return
      }
      action()
      this.wake()
    })
  }
}

/** What has become due while its clock stood still can be cancelled as well. */
export function cancellable(action: () => void, set: (run: () => void) => Cancel): Cancel {
  let isCancelled = false
  const cancel = set(() => {
    if (!isCancelled) action()
  })
  return () => {
    isCancelled = true
    cancel()
  }
}

/** `Clock.every`, out of `after`. */
export function repeated(
  after: (delayMs: number, action: () => void) => Cancel,
  periodMs: number,
  action: () => void,
): Cancel {
  let cancel: Cancel = () => undefined
  const set = (): void => {
    cancel = after(Math.max(1, periodMs), () => {
      set()
      action()
    })
  }
  set()
  return () => cancel()
}
