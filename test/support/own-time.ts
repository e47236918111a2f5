const tickMs = 20

/** How long this process stood still, as a timer tells that comes late. */
export class Standstill {
  /** In all. */
  lostMs = 0
  /** At a time. */
  longestMs = 0
  private lastMs = performance.now()
  private readonly timer = setInterval(() => this.look(), tickMs)

  look(): void {
    const nowMs = performance.now()
    const lateMs = Math.max(0, nowMs - this.lastMs - tickMs)
    this.lostMs += lateMs
    this.longestMs = Math.max(this.longestMs, lateMs)
    this.lastMs = nowMs
  }

  end(): void {
    this.look()
    clearInterval(this.timer)
  }
}

/** How long `action` takes, without what this process stood still meanwhile: what a limit of its own can be held against. */
export async function ownTime(action: () => Promise<unknown>): Promise<number> {
  const standstill = new Standstill()
  const startMs = performance.now()
  try {
    await action()
    return performance.now() - startMs - standstill.lostMs
  } finally {
    standstill.end()
  }
}
