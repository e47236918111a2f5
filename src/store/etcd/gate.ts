/** Lets so many in at a time, in the order in which they came. */
export class Gate {
  private free: number
  private readonly waiting = new Set<() => void>()

  constructor(placesMax: number) {
    this.free = placesMax
  }

  /** True at once where there is a place; who gets false has to `wait`. */
  tryEnter(): boolean {
    if (this.free === 0) return false
    this.free--
    return true
  }

  /** Waits for a place; true when it was given, false when `giveUp` came before. */
  wait(giveUp: (stop: () => void) => () => void): Promise<boolean> {
    return new Promise((resolve) => {
      const enter = (): void => {
        unlink()
        resolve(true)
      }
      const unlink = giveUp(() => {
        if (this.waiting.delete(enter)) resolve(false)
      })
      this.waiting.add(enter)
    })
  }

  leave(): void {
    const [next] = this.waiting
    if (next === undefined) {
      this.free++
      return
    }
    this.waiting.delete(next)
    next()
  }
}
