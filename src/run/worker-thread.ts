import type { Worker as Thread } from 'node:worker_threads'
import { allocateGate, shutGate, shutGateNow } from '../base/native-gate.ts'
import { asError, errorFromData, VertigoError } from '../base/errors.ts'
import type { ClientPortCommand } from '../component/client-port.ts'
import type { WorkerAssignment } from '../worker/assignment.ts'
import type { SnapshotCommand } from '../snapshot/part.ts'
import { suspects } from '../worker/suspects.ts'
import type { QuietProbe } from '../worker/worker.ts'
import type { HostedWorker, HostEvents } from './hosted-worker.ts'
import { shutAtExit } from './gates-at-exit.ts'
import { portsOf } from './open-links.ts'
import type { PeerLink, ThreadCommand, ThreadData, ThreadReport } from './thread-protocol.ts'

interface Waiting<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

/** How long a thread may take to close before it is ended. */
const closeMsMax = 6_000

/** How long the end of a thread is waited for. */
const terminateMsMax = 3_000

/** A worker in a thread of its own, as the run sees it. */
export class WorkerThread implements HostedWorker {
  readonly worker: number
  private readonly thread: Thread
  private readonly events: HostEvents
  private hosted: readonly string[]
  private readonly prepared: Promise<void>
  private onPrepared: { resolve: () => void; reject: (error: Error) => void } | undefined
  private onClosed: (() => void) | undefined
  /** By generation. */
  private readonly preparing = new Map<number, Waiting<boolean>>()
  private probes: ((probe: QuietProbe) => void)[] = []
  private state: 'preparing' | 'running' | 'closing' | 'ended' = 'preparing'
  private exitStack: string | undefined
  private recordsTaken = 0
  private readonly gate = allocateGate()
  private hasExited = false

  /** The thread is new: nothing has been posted to it. */
  constructor(thread: Thread, data: Omit<ThreadData, 'gate'>, events: HostEvents) {
    const { assignment } = data
    this.worker = assignment.worker
    this.events = events
    this.hosted = placesOf(assignment)
    this.prepared = new Promise((resolve, reject) => {
      this.onPrepared = { resolve, reject }
    })
    // A node waits for what comes next only, and is told of the failure: it must not end by it.
    this.prepared.catch(() => undefined)
    this.thread = thread
    const ports = portsOf(data.links)
    const told: ThreadData = { ...data, gate: this.gate }
    this.thread.postMessage(told, 'port' in data.store ? [...ports, data.store.port] : ports)
    const forget = shutAtExit(this.gate)
    this.thread.once('exit', () => {
      this.hasExited = true
      forget()
    })
    this.thread.on('message', (message: ThreadReport) => this.onReport(message))
    this.thread.on('error', (error) => this.onError(error))
    this.thread.on('exit', (code) => this.onExit(code))
  }

  prepare(): Promise<void> {
    return this.prepared
  }

  start(): void {
    this.state = 'running'
    this.command('start')
  }

  drain(): void {
    this.command('drain')
  }

  /** As `Worker.prepareNext`. Generations are not used twice. */
  prepareNext(next: WorkerAssignment): Promise<boolean> {
    if (this.hasEnded) return Promise.reject(this.ended())
    this.hosted = [...new Set([...this.hosted, ...placesOf(next)])]
    return new Promise((resolve, reject) => {
      this.preparing.set(next.generation, { resolve, reject })
      this.command({ next })
    })
  }

  /** As `Worker.switchOver`, to `next`, which was prepared last. Ports go over to the thread. */
  switchOver(next: WorkerAssignment, links: readonly PeerLink[]): void {
    this.state = 'running'
    this.hosted = placesOf(next)
    this.thread.postMessage({ switchOver: links } satisfies ThreadCommand, portsOf(links))
  }

  hold(): void {
    this.command('hold')
  }

  release(): void {
    this.command('release')
  }

  snapshot(command: SnapshotCommand): void {
    this.command({ snapshot: command })
  }

  toClientPort(port: number, command: ClientPortCommand): void {
    this.command({ clientPort: port, command })
  }

  endBackEdges(): void {
    this.command('end-back-edges')
  }

  probe(): Promise<QuietProbe> {
    return new Promise((resolve) => {
      this.probes.push(resolve)
      this.command('probe')
    })
  }

  async close(): Promise<void> {
    if (this.state === 'ended') return
    this.state = 'closing'
    const isClosed = await new Promise<boolean>((resolve) => {
      const cancel = this.events.clock.after(closeMsMax, () => resolve(false))
      this.onClosed = () => {
        cancel()
        resolve(true)
      }
      this.command('close')
    })
    // Asked before the end, after which nobody is at work.
    const blocked = isClosed ? undefined : this.closeBlocked()
    await this.terminate()
    if (blocked !== undefined) throw blocked
  }

  /** A worker that does not even say that a component takes too long to close. */
  private closeBlocked(): VertigoError {
    const { component, name, hosts } = this.suspects()
    return new VertigoError(
      'COMPONENT_STALLED',
      `${name} has blocked its thread for ${closeMsMax / 1000} s while it was closed. ${hosts}`,
      { place: { component }, remedy: 'Let `close` return, or await what it waits for.' },
    )
  }

  async terminate(): Promise<void> {
    this.state = 'ended'
    // A thread in the midst of one huge allocation does not hear: nobody waits for it without end.
    const late = new Promise<void>((resolve) => {
      this.events.clock.after(terminateMsMax, resolve, { background: true })
    })
    await Promise.race([this.endOutside(), late])
    this.thread.unref()
  }

  /** NG-1. While it is in native code it is let be, and stands still when it comes out (NG-2). */
  private async endOutside(): Promise<void> {
    const { clock } = this.events
    if (this.hasExited || (await shutGate(this.gate, clock, terminateMsMax))) {
      await this.thread.terminate()
      return
    }
    const cancel = clock.every(
      terminateMsMax,
      () => {
        if (!this.hasExited && !shutGateNow(this.gate, 0)) return
        cancel()
        this.thread.terminate().catch((error: unknown) => process.emitWarning(asError(error)))
      },
      { background: true, coarse: true },
    )
  }

  private command(command: ThreadCommand): void {
    this.thread.postMessage(command)
  }

  /** Told to the thread once in a turn of the event loop: records come in crowds. */
  private readonly taken = (): void => {
    this.recordsTaken++
    if (this.recordsTaken > 1) return
    this.events.clock.soon(() => {
      this.command({ taken: this.recordsTaken })
      this.recordsTaken = 0
    })
  }

  private onReport(message: ThreadReport): void {
    switch (message.type) {
      case 'loaded':
        return
      case 'prepared':
        this.onPrepared?.resolve()
        return
      case 'listens':
        this.events.listens?.(this.worker, { host: message.host, port: message.port })
        return
      case 'finished':
        this.events.finished(this.worker)
        return
      case 'closed':
        this.onClosed?.()
        return
      case 'prepared-next':
        this.takePreparing(message.generation)?.resolve(message.isReady)
        return
      case 'prepare-failed':
        this.takePreparing(message.generation)?.reject(errorFromData(message.error))
        return
      case 'instance-finished':
        this.events.instanceFinished?.(this.worker, message.id)
        return
      case 'instance-failed':
        this.events.instanceFailed?.(this.worker, message.id, errorFromData(message.error))
        return
      case 'link-failed':
        this.events.linkFailed?.(this.worker, message.worker, errorFromData(message.error))
        return
      case 'turned-away':
        this.events.turnedAway?.(this.worker, message.remote, errorFromData(message.error), message.more)
        return
      case 'failed':
        this.failed(errorFromData(message.error))
        return
      case 'rejected':
        this.events.rejected(message.record, this.taken)
        return
      case 'log':
        this.events.logged(message.record, this.taken)
        return
      case 'metric':
        this.events.metric(message.record)
        return
      case 'awaits-snapshot':
        this.events.awaitsSnapshot?.(this.worker, message.id, message.awaits)
        break
      case 'part':
        this.events.part?.(this.worker, message.report)
        return
      case 'client-port':
        this.events.clientPort?.(message.port, message.report)
        return
      case 'probed':
        this.probes.shift()?.(message.probe)
        return
      case 'exit':
        this.exitStack = message.stack
    }
  }

  private takePreparing(generation: number): Waiting<boolean> | undefined {
    const waiting = this.preparing.get(generation)
    this.preparing.delete(generation)
    return waiting
  }

  private get hasEnded(): boolean {
    return this.state === 'ended' || this.state === 'closing'
  }

  private ended(): VertigoError {
    return new VertigoError('STOPPED', `the thread of worker ${this.worker} has ended`)
  }

  private failed(error: Error): void {
    this.onPrepared?.reject(error)
    for (const { reject } of this.preparing.values()) reject(error)
    this.preparing.clear()
    this.events.failed(error)
  }

  /** What was thrown where nothing catches it; V8's end of memory among it. */
  private onError(thrown: unknown): void {
    const error = asError(thrown)
    const isMemory = (error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY'
    const { component, name, hosts } = this.suspects()
    const [code, what] = isMemory
      ? (['WORKER_MEMORY', `${name} ran its worker out of heap`] as const)
      : (['WORKER_DIED', `the worker of ${name} failed: ${error.message}`] as const)
    this.failed(new VertigoError(code, `${what}. ${hosts}`, { place: { component }, cause: error }))
  }

  private onExit(code: number): void {
    const wasExpected = this.hasEnded
    this.state = 'ended'
    this.onClosed?.()
    for (const { reject } of this.preparing.values()) reject(this.ended())
    this.preparing.clear()
    if (wasExpected) return
    const { component, name, hosts } = this.suspects()
    if (this.exitStack === undefined) {
      const message = `the worker of ${name} ended with code ${code}. ${hosts}`
      this.failed(new VertigoError('WORKER_DIED', message, { place: { component } }))
      return
    }
    const cause = new Error('process.exit was called')
    cause.stack = this.exitStack
    this.failed(
      new VertigoError('COMPONENT_EXITED', `${name} called process.exit. ${hosts}`, {
        place: { component },
        cause,
      }),
    )
  }

  private suspects(): ReturnType<typeof suspects> {
    return suspects(this.events.running(this.worker), this.hosted)
  }
}

function placesOf({ instances }: WorkerAssignment): readonly string[] {
  return instances.map(({ component, instance }) => `${component}[${instance}]`)
}
