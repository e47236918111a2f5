import type { ChildProcess } from 'node:child_process'
import { systemClock } from '../../base/clock.ts'
import { asError, errorFromData, VertigoError } from '../../base/errors.ts'
import type { InstancePlace, RunStatus, RunSummary } from '../../run/types.ts'
import { CrashFilter } from './crash-filter.ts'
import { type EngineOutput, takeEngine } from './engine-process.ts'
import { isStalled, mainThread, type ThreadUse } from './stall.ts'
import type { Engine, EngineCommand, EngineListener, EngineReport, EngineRequest } from './protocol.ts'

/** How long the child may take after `stop`: the engine gives components 6 s to close. */
const stopMsMax = 8_000
/** How long the child may take to end after its outcome. */
const exitMsMax = 2_000
/** How long the child's standard error may stay open after its end. */
const pipeMsMax = 500
const stallMsDefault = 10_000
const stallLooks = 5
/** Large modules keep the thread for a while when they are loaded, on a busy machine above all. */
const loadStallMs = 10_000

export interface SupervisorOptions {
  readonly output: EngineOutput
}

/** Runs the engine in a child, so that whatever components do to their process, somebody is left to say who did it. */
export function superviseEngine(
  request: EngineRequest,
  listener: EngineListener,
  { output }: SupervisorOptions,
): Engine {
  return new Supervisor(takeEngine(output), request, listener)
}

/** Since when the child has shown no sign of life, and what was seen of it in this time. */
interface Quiet {
  readonly begin: { readonly timeMs: number; readonly thread: ThreadUse | undefined }
  readonly looks: number
  readonly isAsleep: boolean
}

type Outcome = { readonly summary: RunSummary } | { readonly error: Error }

class Supervisor implements Engine {
  readonly outcome: Promise<RunSummary>
  readonly #child: ChildProcess
  readonly #listener: EngineListener
  readonly #stallMs: number
  readonly #clock = systemClock
  readonly #filter = new CrashFilter()
  #settle: ((outcome: Outcome) => void) | undefined
  #result: Outcome | undefined
  #status: RunStatus = { instances: [], workers: [], metrics: [] }
  #places: readonly InstancePlace[] = []
  #isStopping = false
  #isClosed = false
  #quiet: Quiet | undefined
  #cancelWatch: () => void = () => undefined

  constructor(child: ChildProcess, request: EngineRequest, listener: EngineListener) {
    this.#child = child
    this.#listener = listener
    this.#stallMs = request.options.stallMs ?? stallMsDefault
    this.outcome = new Promise((resolve, reject) => {
      this.#settle = (result) => {
        if ('summary' in result) resolve(result.summary)
        else reject(result.error)
      }
    })
    child.on('message', (report: EngineReport) => this.#onReport(report))
    child.on('error', (error) => this.#end({ error: cannotStart(error) }))
    child.on('close', (code, signal) => this.#onClose(code, signal))
    // What a component has started may hold the pipe open.
    child.on('exit', (code, signal) =>
      this.#clock.after(pipeMsMax, () => this.#onClose(code, signal), { background: true }),
    )
    this.#readText()
    this.#watch()
    this.#send(request)
  }

  drain(): void {
    this.#send('drain')
  }

  stop(): void {
    if (this.#isStopping) return
    this.#isStopping = true
    this.#send('stop')
    this.#clock.after(stopMsMax, () => this.#kill(), { background: true })
  }

  #send(message: EngineRequest | EngineCommand): void {
    // The channel is closed once the child has ended, which is told by `close`.
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }

  #onReport(report: EngineReport): void {
    this.#sign()
    switch (report.type) {
      case 'events':
        for (const event of report.events) {
          if (event.type === 'started') this.#places = event.instances
          this.#listener.event(event)
        }
        if (report.left > 0) this.#listener.left(report.left)
        return
      case 'status':
        this.#give(this.#filter.sign())
        this.#status = report.status
        this.#listener.status(report.status)
        return
      case 'finished':
        this.#end({ summary: report.summary })
        return
      case 'failed':
        this.#end({ error: errorFromData(report.error) })
    }
  }

  /** The outcome is given when the child is gone, so that all it wrote has been shown. */
  #end(result: Outcome): void {
    this.#result ??= result
    if (this.#child.pid === undefined) this.#settle?.(this.#result)
    else this.#clock.after(exitMsMax, () => this.#kill(), { background: true })
  }

  #onClose(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#cancelWatch()
    this.#child.stderr?.destroy()
    if (this.#result !== undefined) {
      if (signal === null) this.#give(this.#filter.release())
      this.#settle?.(this.#result)
      return
    }
    if (this.#isStopping || signal === 'SIGINT') {
      this.#settle?.({ error: new VertigoError('STOPPED', 'The run was stopped.') })
      return
    }
    const death = {
      exitCode: code,
      signal,
      dump: this.#filter.dump,
      status: this.#status,
      places: this.#places,
    }
    import('./crash.ts').then(
      ({ engineAborted }) => this.#settle?.({ error: engineAborted(death) }),
      (error: unknown) => this.#settle?.({ error: asError(error) }),
    )
  }

  #give(lines: readonly string[]): void {
    for (const line of lines) this.#listener.text(line)
  }

  #kill(): void {
    this.#child.kill('SIGKILL')
  }

  #readText(): void {
    let rest = ''
    let blanks = 0
    const take = (line: string): void => {
      // V8 puts a blank line in front of its dump.
      if (line === '') blanks++
      else if (this.#filter.isText(line)) {
        for (; blanks > 0; blanks--) this.#listener.text('')
        this.#listener.text(line)
      }
    }
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) take(line)
    })
    this.#child.stderr?.on('end', () => {
      if (rest !== '') take(rest)
    })
  }

  #sign(): void {
    this.#quiet = undefined
  }

  #watch(): void {
    const look = (): void => {
      const now = { timeMs: this.#clock.monotonic(), thread: mainThread(this.#child.pid) }
      const { begin, looks, isAsleep } = this.#quiet ?? { begin: now, looks: 0, isAsleep: true }
      const quiet = { begin, looks: looks + 1, isAsleep: isAsleep && now.thread?.state === 'S' }
      this.#quiet = quiet
      const quietMs = now.timeMs - begin.timeMs
      const isLoading = this.#places.length === 0
      const limitMs = isLoading ? Math.max(this.#stallMs, loadStallMs) : this.#stallMs
      if (quiet.looks <= stallLooks || quietMs < limitMs) return
      const computedMs =
        now.thread === undefined || begin.thread === undefined
          ? undefined
          : now.thread.usedMs - begin.thread.usedMs
      if (isStalled({ isLoading, limitMs, computedMs, isAsleep: quiet.isAsleep })) this.#onStall(quietMs)
    }
    this.#cancelWatch = this.#clock.every(Math.max(200, this.#stallMs / stallLooks), look, {
      background: true,
    })
  }

  #onStall(quietMs: number): void {
    this.#cancelWatch()
    import('./crash.ts').then(
      ({ engineStalled }) => {
        this.#result ??= { error: engineStalled(quietMs, { status: this.#status, places: this.#places }) }
        this.#kill()
      },
      (error: unknown) => this.#end({ error: asError(error) }),
    )
  }
}

function cannotStart(cause: Error): VertigoError {
  return new VertigoError('INTERNAL', `the process for the engine cannot be started: ${cause.message}`, {
    cause,
  })
}
