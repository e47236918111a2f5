import type { Clock } from '../base/clock.ts'
import type { LogRecord } from '../component/context.ts'
import type { PartReport } from '../snapshot/part.ts'
import type { RejectedMessage } from '../worker/host.ts'
import type { MetricRecord } from '../worker/metrics.ts'
import type { QuietProbe, Worker } from '../worker/worker.ts'
import type { ClientPortNews } from './thread-protocol.ts'

/** A worker, wherever it is: in a thread, or in the caller's. */
export interface HostedWorker {
  readonly worker: number
  prepare(): Promise<void>
  start(): void
  drain(): void
  probe(): Promise<QuietProbe>
  endBackEdges(): void
  /** Closes all components, in their order; then the thread ends. */
  close(): Promise<void>
  /** Ends at once. */
  terminate(): Promise<void>
}

/** What workers tell the run, and what they need of it. */
export interface HostEvents {
  readonly clock: Clock
  finished(worker: number): void
  failed(error: unknown): void
  /** Its data port is open, where it has one. */
  listens?(worker: number, address: { readonly host: string; readonly port: number }): void
  /** Where instances fail one by one, and the worker goes on. */
  instanceFailed?(worker: number, id: number, error: unknown): void
  instanceFinished?(worker: number, id: number): void
  awaitsSnapshot?(worker: number, id: number, awaits: boolean): void
  /** What came from a peer made no sense; the link to it is closed. */
  linkFailed?(worker: number, peer: number, error: unknown): void
  /** At its data port. */
  turnedAway?(worker: number, remote: string, error: unknown, more: number): void
  /** `taken` is called when the record is written, or shown. */
  rejected(record: RejectedMessage, taken: () => void): void
  logged(record: LogRecord, taken: () => void): void
  metric(record: MetricRecord): void
  /** Of a snapshot; where they are taken. */
  part?(worker: number, report: PartReport): void
  /** Of an instance behind an exported port, by the number of its line. */
  clientPort?(port: number, news: ClientPortNews): void
  /** The instance that a worker is busy with, as `count[2]`. */
  running(worker: number): string | undefined
}

/** A worker in the caller's own thread. */
export function inOwnThread(worker: Worker): HostedWorker {
  return {
    worker: worker.assignment.worker,
    prepare: () => worker.prepare(),
    start: () => worker.start(),
    drain: () => worker.drain(),
    probe: () => Promise.resolve(worker.probe()),
    endBackEdges: () => worker.endBackEdges(),
    close: () => worker.close(),
    terminate: () => worker.close(),
  }
}
