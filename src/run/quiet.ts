import type { QuietProbe } from '../worker/worker.ts'

/**
 * Recognizes that a network with cycles has come to rest: all workers are quiet, every frame that was sent has been
 * received, and the round before said the same. One round is not enough: its answers come at different moments.
 */
export class QuietDetector {
  private last: string | undefined

  /** The answers of all workers to one round; true where the network is at rest. */
  round(probes: readonly QuietProbe[]): boolean {
    let sent = 0
    let received = 0
    let isQuiet = true
    for (const probe of probes) {
      sent += probe.framesSent
      received += probe.framesReceived
      isQuiet &&= probe.isQuiet
    }
    const now = isQuiet && sent === received ? String(sent) : undefined
    const isAtRest = now !== undefined && now === this.last
    this.last = now
    return isAtRest
  }
}
