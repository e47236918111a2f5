import { systemClock } from '../../base/clock.ts'
import { errorCodes } from '../../base/error-codes.ts'
import { isVertigoError } from '../../base/errors.ts'
import { guaranteeInRun, losesNothing } from '../../model/guarantee.ts'
import type { Network } from '../../model/network.ts'
import { workerMemoryMbMin } from '../../run/limits.ts'
import type { Arguments } from '../arguments.ts'
import type { Command } from '../command.ts'
import { override } from '../override.ts'
import { hasColors, leaveStdoutToNetwork, outputExit, whenOutputCloses } from '../output.ts'
import { DrainWatch } from '../run/drain-watch.ts'
import type { Engine, EngineListener, EngineRequest } from '../run/protocol.ts'
import type { RunView } from '../run/view.ts'

export const runCommand: Command = {
  spec: {
    name: 'run',
    arguments: ['<network>'],
    about: [
      'Runs a network: a file (.yaml, .json, .fbp), or a module (.ts, .js) that exports one. It ends when all sources have ended and everything is handled.',
      'Ctrl-C (or SIGTERM) drains: sources end, what is on its way is handled. A second one stops at once.',
      'Messages of `stdout` components go to standard output, all else to standard error: on a terminal a table of rates and queues, else a line every 5 s, and a summary at the end.',
      'With --json, standard output holds one JSON object a line, whose field `type` says what it is: started, progress (every second), log, rejected, text (a line that a component wrote to standard error), notice, draining, and at last finished or failed. What components write to standard output then goes to standard error.',
    ],
    options: {
      workers: {
        value: '<n>',
        about:
          'Threads. 0 runs everything in the one thread of this process, for debuggers. Default: one for each core, not more than instances.',
      },
      set: {
        value: '<path=value>',
        multiple: true,
        about:
          'Replaces a value of the network: lines.config.path=other.txt. The value is JSON, else a text. May be repeated.',
      },
      duration: { value: '<s>', about: 'Ends the sources after this many seconds.' },
      store: {
        value: '<url>',
        about:
          'The store that components share collections in (context.shared). Default: one in memory, for this run alone.',
      },
      dev: {
        about:
          'Development mode: messages and state cannot be changed in place, messages are copies within a thread too, and all ports with a schema check them. Slower.',
      },
      json: { about: 'Print events as JSON.' },
      'stall-ms': {
        value: '<n>',
        about:
          'Time without a turn after which a component counts as blocked, in milliseconds. Default 10000. With `--workers 0`, nobody looks.',
      },
      'setup-ms': {
        value: '<n>',
        about: "Time that a component's `setup` may take, in milliseconds. Default 60000.",
      },
      'memory-mb': {
        value: '<n>',
        about:
          'Heap and buffers that one worker may use, in MiB, 32 or more. Default: a share of the memory, at most 4096.',
      },
    },
    examples: [
      ['vertigo run network.yaml', 'Run it on all cores.'],
      ['vertigo run network.yaml --set lines.config.path=big.txt --duration 60', 'Other input, one minute.'],
      ['node --inspect-brk node_modules/.bin/vertigo run network.yaml --workers 0', 'Debug it.'],
    ],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const request = requestOf(given)
  const relay = new Relay()
  const asJson = given.flag('json')
  // The child comes first: it loads the engine while this process loads what shows it.
  const engine = await start(request, relay, asJson)
  const handled = handleSignals(engine, relay)
  relay.tellIfLate()
  whenOutputCloses(() => engine.stop())
  const view = await makeView(asJson, request.network)
  relay.showOn(view)
  try {
    const summary = await engine.outcome
    relay.ended()
    view.finished(summary)
    return 0
  } catch (error) {
    // Whoever pressed Ctrl-C twice knows.
    const exitCode = isVertigoError(error) ? error.exitCode : errorCodes.INTERNAL.exit
    relay.ended()
    view.failed(error, exitCode)
    if (handled.stops > 0 && isVertigoError(error) && error.code === 'STOPPED') {
      if (!asJson) view.notice(error.place.component === undefined ? 'stopped' : error.message)
      return exitCode
    }
    if (outputExit() === undefined) throw error
    return exitCode
  } finally {
    handled.forget()
  }
}

function requestOf(given: Arguments): EngineRequest {
  const seconds = given.positiveNumber('duration')
  return {
    network: given.positionals[0]!,
    options: {
      workers: given.wholeNumber('workers', 0),
      set: given.texts('set').map(override),
      dev: given.flag('dev'),
      store: given.text('store'),
      durationMs: seconds === undefined ? undefined : seconds * 1000,
      stallMs: given.wholeNumber('stall-ms', 1),
      setupMsMax: given.wholeNumber('setup-ms', 1),
      workerMemoryMbMax: given.wholeNumber('memory-mb', workerMemoryMbMin),
    },
  }
}

async function start(request: EngineRequest, listener: EngineListener, asJson: boolean): Promise<Engine> {
  if (request.options.workers === 0) {
    if (!asJson) leaveStdoutToNetwork()
    const { runInProcess } = await import('../run/in-process.ts')
    return runInProcess(request, listener)
  }
  const { superviseEngine } = await import('../run/supervisor.ts')
  return superviseEngine(request, listener, { output: asJson ? 2 : 1 })
}

async function makeView(asJson: boolean, network: string): Promise<RunView> {
  const { stdout, stderr } = process
  if (asJson) {
    const { JsonView } = await import('../run/json-view.ts')
    return new JsonView(systemClock, (text) => stdout.write(text))
  }
  if (!stderr.isTTY || process.env['TERM'] === 'dumb') {
    const { PlainView } = await import('../run/plain-view.ts')
    return new PlainView(systemClock, (text) => stderr.write(text))
  }
  const { LiveView } = await import('../run/live-view.ts')
  const color = hasColors(stderr)
  return new LiveView(
    systemClock,
    {
      write: (text) => stderr.write(text),
      size: () => ({ columns: stderr.columns || 80, rows: stderr.rows || 24, color }),
    },
    network,
  )
}

/** Period of the notices about what was left out. */
const leftPeriodMs = 1_000

/** How long a network may take to start before a line says what it is at. */
const lateMs = 5_000

/** Keeps what the engine tells until there is a view. */
class Relay implements EngineListener {
  #view: RunView | undefined
  #left = 0
  #cancelLate = (): void => undefined
  #leftToldMs = -Infinity
  readonly #drain = new DrainWatch()
  #early: ((view: RunView) => void)[] = []

  showOn(view: RunView): void {
    this.#view = view
    for (const show of this.#early) show(view)
    this.#early = []
  }

  #show(action: (view: RunView) => void): void {
    if (this.#view === undefined) this.#early.push(action)
    else action(this.#view)
  }

  event: EngineListener['event'] = (event) => {
    if (event.type === 'started') this.#cancelLate()
    if (event.type === 'draining') this.#drain.begin()
    this.#show((view) => view.event(event))
    if (event.type === 'started') this.#tellGuarantee(event)
  }

  /** Who has written it down is to know what it means here. */
  #tellGuarantee(network: Pick<Network, 'guarantee'>): void {
    const guarantee = guaranteeInRun(network)
    if (losesNothing(guarantee))
      this.notice(
        `${guarantee} in one process: it holds while the run goes on; nothing is kept past its end, so after a failure the next run begins afresh`,
      )
  }

  get isDraining(): boolean {
    return this.#drain.isDraining
  }

  /** Says what the run is at, where it does not start for a while. */
  tellIfLate(): void {
    const tell = (): void => this.notice('still loading modules or setting up components; Ctrl-C stops')
    this.#cancelLate = systemClock.after(lateMs, tell, { background: true })
  }

  ended(): void {
    this.#cancelLate()
    this.tellLeft()
  }
  status: EngineListener['status'] = (status) => {
    if (systemClock.monotonic() - this.#leftToldMs >= leftPeriodMs) this.tellLeft()
    this.#show((view) => view.status(status))
    const line = this.#drain.look(status, systemClock.monotonic())
    if (line !== undefined) this.notice(line)
  }
  text: EngineListener['text'] = (line) => this.#show((view) => view.text(line))

  left(count: number): void {
    this.#left += count
  }

  /** Where records are left out, they are left out all the time: one line now and then says how many. */
  tellLeft(): void {
    if (this.#left === 0) return
    this.notice(
      `${this.#left} log records and rejected messages were left out: more came than could be shown`,
    )
    this.#left = 0
    this.#leftToldMs = systemClock.monotonic()
  }

  notice(line: string): void {
    this.#show((view) => view.notice(line))
  }
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The first signal drains, the second one stops. */
function handleSignals(engine: Engine, relay: Relay): { readonly stops: number; forget(): void } {
  let count = 0
  const onSignal = (signal: NodeJS.Signals): void => {
    // Where the time given is over, it drains already.
    count += count === 0 && relay.isDraining ? 2 : 1
    if (count === 1) {
      relay.notice(signal === 'SIGINT' ? 'draining, Ctrl-C again stops at once' : `draining (${signal})`)
      engine.drain()
    } else if (count === 2) {
      relay.notice('stopping')
      engine.stop()
    }
  }
  for (const signal of signals) process.on(signal, onSignal)
  return {
    get stops() {
      return count
    },
    forget() {
      for (const signal of signals) process.off(signal, onSignal)
    },
  }
}
