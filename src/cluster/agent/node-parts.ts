import type { PartReport, SnapshotBegin } from '../../snapshot/part.ts'
import type { AgentWorker } from './agent-worker.ts'

/**
 * One node's part of the snapshots of one network: tells its workers what is said about them, and gathers what their instances give.
 *
 * - NP-1 One snapshot at a time: a newer one ends the gathering of the one before.
 * - NP-2 Who asked hears each instance once, and then no more. Where he stops listening before that, the workers hear that the snapshot has
 *   come to nothing.
 */
export class NodeParts {
  private gathering: Gathering | undefined

  /** From a worker. What belongs to no snapshot in flight is nobody's. */
  report(report: PartReport): void {
    const { gathering } = this
    if (gathering?.begin.snapshot !== report.snapshot) return
    if (gathering.begin.generation === report.generation) gathering.add(report)
  }

  /** `instances`: those of the node. Nothing is begun before the first is asked for. */
  async *take(
    begin: SnapshotBegin,
    {
      workers,
      instances,
    }: { readonly workers: readonly AgentWorker[]; readonly instances: Iterable<number> },
    signal: AbortSignal,
  ): AsyncGenerator<PartReport, void, undefined> {
    if (this.gathering !== undefined && this.gathering.begin.snapshot >= begin.snapshot) return
    this.gathering?.end()
    const gathering = new Gathering(begin, instances)
    this.gathering = gathering
    const onAbort = (): void => gathering.end()
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    try {
      for (const worker of workers) worker.snapshot(begin)
      while (!gathering.isOver) {
        await gathering.news()
        yield* gathering.taken()
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      if (this.gathering === gathering) this.gathering = undefined
      const { generation, snapshot } = begin
      if (!gathering.isWhole)
        for (const worker of workers) worker.snapshot({ type: 'aborted', generation, snapshot })
    }
  }

  /** The instances are no more. */
  close(): void {
    this.gathering?.end()
  }
}

class Gathering {
  readonly begin: SnapshotBegin
  private readonly missing: Set<number>
  private reports: PartReport[] = []
  private isEnded = false
  private wake: () => void = () => undefined

  constructor(begin: SnapshotBegin, instances: Iterable<number>) {
    this.begin = begin
    this.missing = new Set(instances)
  }

  get isWhole(): boolean {
    return this.missing.size === 0
  }

  /** And nothing waits to be heard. */
  get isOver(): boolean {
    return this.reports.length === 0 && (this.isEnded || this.isWhole)
  }

  add(report: PartReport): void {
    if (!this.missing.has(report.instance)) return
    if (report.type === 'part-stored') this.missing.delete(report.instance)
    if (report.type === 'part-failed') this.isEnded = true
    this.reports.push(report)
    this.wake()
  }

  end(): void {
    this.isEnded = true
    this.wake()
  }

  news(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve
      if (this.reports.length > 0 || this.isOver) resolve()
    })
  }

  taken(): readonly PartReport[] {
    const { reports } = this
    this.reports = []
    return reports
  }
}
