/** Who reports, and is not called while too much of what was reported waits. */
export interface Reporter {
  hold(): void
  goOn(): void
}

/**
 * Records of one worker (rejected messages, the log) that were reported and not yet taken: by the dead-letter file, by
 * whoever shows the log. Few, since each may hold a large message; enough to hide the way to another thread and back.
 */
const recordsPendingMax = 64

/** Bounds them: whoever reports one above the limit is held until half of them are taken. */
export class RecordWindow {
  private pending = 0
  private readonly held = new Set<Reporter>()
  /** Rejected messages that are not taken. */
  private readonly rejections = new Set<Promise<void>>()

  reported(reporter: Reporter): void {
    this.pending++
    if (this.pending < recordsPendingMax || this.held.has(reporter)) return
    this.held.add(reporter)
    reporter.hold()
  }

  /** A rejected message was reported; gives what is to be called when it is taken. */
  rejected(reporter: Reporter): () => void {
    this.reported(reporter)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.rejections.add(promise)
    return () => {
      this.rejections.delete(promise)
      resolve()
      this.taken()
    }
  }

  /** Fulfilled when all rejected messages are taken that were reported until now; undefined where they are. */
  rejectionsTaken(): Promise<unknown> | undefined {
    return this.rejections.size === 0 ? undefined : Promise.all(this.rejections)
  }

  taken(): void {
    this.pending--
    if (this.held.size === 0 || this.pending > recordsPendingMax / 2) return
    const held = [...this.held]
    this.held.clear()
    for (const reporter of held) reporter.goOn()
  }
}
