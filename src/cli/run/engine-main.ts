/** What the child does that runs the engine for `vertigo run`: see `protocol.ts`. */
import { systemClock } from '../../base/clock.ts'
import { errorToData, VertigoError } from '../../base/errors.ts'
import { hideNodeFlags } from '../../base/node-flags.ts'
import { beginThreads } from '../../run/threads.ts'
import type { RunEvent, Running } from '../../run/types.ts'
import { EventSender } from './event-sender.ts'
import { plainEvent } from './plain-data.ts'
import { type EngineCommand, type EngineReport, type EngineRequest, statusMs } from './protocol.ts'
import { guardUserCode } from './user-code.ts'

/** How long the end may take once the parent is gone. */
const orphanMsMax = 8_000
/** How long a run that is stopped while it is set up may take to close what it has opened. */
const earlyMsMax = 2_000

hideNodeFlags()

const exit = process.exit.bind(process)
const clock = systemClock
let running: Running | undefined
let isOver = false
/** Stops the run while it is being set up. */
const early = new AbortController()

function send(report: EngineReport, done?: () => void): void {
  if (!process.connected) done?.()
  else process.send!(report, undefined, {}, () => done?.())
}

const events = new EventSender(clock, (batch, left, done) =>
  send({ type: 'events', events: batch, left }, done),
)

function sendStatus(): void {
  send({ type: 'status', status: running?.status() ?? { instances: [], workers: [], metrics: [] } })
}

/** CP-2: the first outcome is the one. */
function end(outcome: EngineReport): void {
  if (isOver) return
  isOver = true
  if (running !== undefined) sendStatus()
  events.flush()
  send(outcome, () => exit(0))
}

function fail(error: unknown): void {
  end({ type: 'failed', error: errorToData(error) })
}

// The terminal sends Ctrl-C to the child too; what it means is the parent's to say.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

const asked = new Promise<EngineRequest>((resolve) => {
  process.on('message', (message: EngineRequest | EngineCommand) => {
    if (typeof message === 'object') resolve(message)
    else if (running === undefined) stopEarly()
    else if (message === 'drain') running.drain()
    else running.stop().catch(fail)
  })
})

process.on('disconnect', () => {
  if (isOver) return
  clock.after(orphanMsMax, endAsOrphan)
  if (running === undefined) endAsOrphan()
  else running.stop().finally(endAsOrphan).catch(endAsOrphan)
})
// Before there was anybody to hear of it.
if (!process.connected) endAsOrphan()

/** The run tells what it waited for; a module that is being loaded hears of nothing, so nobody waits for it. */
function stopEarly(): void {
  early.abort()
  clock.after(earlyMsMax, () => {
    if (running === undefined) fail(new VertigoError('STOPPED', 'The run was stopped before it had begun.'))
  })
}

/** A thread that does not answer would hold up an orderly exit for ever, and nobody is left to notice. */
function endAsOrphan(): void {
  process.kill(process.pid, 'SIGKILL')
}

guardUserCode(fail)
sendStatus()
clock.every(statusMs, sendStatus, { background: true })

try {
  const { network, options } = await asked
  // It comes up while this thread loads the engine.
  const threads = beginThreads(options)
  const [{ run }, { builtInKindsUrl }, { storesUrl }] = await Promise.all([
    import('../../run/run.ts'),
    import('./built-in-kinds.ts'),
    import('../../stores.ts'),
  ])
  const onEvent = (event: RunEvent): void => events.add(plainEvent(event))
  const all = {
    ...options,
    builtInKinds: builtInKindsUrl,
    stores: storesUrl,
    onEvent,
    signal: early.signal,
  }
  running = await run(network, all, threads)
  sendStatus()
  const summary = await running.done
  end({ type: 'finished', summary })
} catch (error) {
  fail(error)
}
