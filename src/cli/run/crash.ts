import { VertigoError } from '../../base/errors.ts'
import type { InstancePlace, RunStatus, WorkerStatus } from '../../run/types.ts'
import { bytes, list } from '../report/text.ts'

export interface Death {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly dump: readonly string[]
  /** The last status that came. */
  readonly status: RunStatus
  /** Where the instances were placed; empty before the start. */
  readonly places: readonly InstancePlace[]
}

/** The error for an engine that ended without an outcome, with the components that most likely ended it. */
export function engineAborted(death: Death): VertigoError {
  const { exitCode, signal, dump } = death
  const fatal = fatalLine(dump)
  const isFatalMemory = /heap|memory|alloc/i.test(fatal ?? '')
  const isMemory = isFatalMemory || (signal === 'SIGKILL' && dump.length === 0)
  const suspect = suspectOf(death, isMemory, isFatalMemory)
  const how =
    signal === null
      ? `ended with exit code ${exitCode}`
      : `was ended by ${signal}${signalMeaning[signal] ?? ''}`
  const why = fatal === undefined ? '' : ` (${fatal})`
  return new VertigoError(
    'ENGINE_ABORTED',
    `the process that ran the network ${how}${why}. ${suspect.text}`,
    {
      place: suspect.component === undefined ? undefined : { component: suspect.component },
      cause: dump.length === 0 ? undefined : dumpError(dump),
      remedy: isMemory
        ? 'Look for what the named components keep (arrays, maps, buffers), or raise `--memory-mb`.'
        : 'Look for what the named components do to the process: native packages, `process.kill`, `process.abort`.',
    },
  )
}

const signalMeaning: Partial<Record<NodeJS.Signals, string>> = {
  SIGKILL: ', by somebody, or by the system because its memory ran out',
}

function fatalLine(dump: readonly string[]): string | undefined {
  const line = dump.find((each) => /^(FATAL ERROR: |# Fatal |terminate called )/.test(each))
  if (line === undefined) return undefined
  if (/heap|Allocation/i.test(line)) return 'JavaScript heap out of memory'
  return line.replace(/^(FATAL ERROR: |# )/, '').trim()
}

function dumpError(dump: readonly string[]): Error {
  // Below it there are addresses inside of Node.
  const end = dump.findIndex((line) => line.startsWith('----- '))
  const lines = dump.slice(0, end === -1 ? undefined : end)
  const error = new Error(lines.filter((line) => line.trim() !== '').join('\n'))
  error.name = 'V8'
  error.stack = undefined
  return error
}

/**
 * Who most likely did it. Memory tells only where memory was the cause and one worker stands out: it is looked at between
 * turns, so one call that takes all of it shows as the component that was at work. Else everyone is named: better too many
 * than the wrong one. A place is given only where it is certain: whoever was at work when somebody killed the process has done
 * nothing.
 */
function suspectOf(
  { status, places }: Death,
  isMemory: boolean,
  isFatalMemory: boolean,
): { readonly text: string; readonly component?: string } {
  if (places.length === 0)
    return { text: 'It had not started yet: a module of the network did it while it was loaded.' }
  const running = status.workers.flatMap((each) => each.running ?? [])
  const atWork =
    running.length === 0 ? '' : `; ${list(running)} ${running.length === 1 ? 'was' : 'were'} at work`
  const worker = isMemory ? outstanding(status.workers) : undefined
  const hosted = namesOf(
    worker === undefined ? places : places.filter((place) => place.worker === worker.worker),
  )
  const candidates = isFatalMemory ? [running, hosted] : [namesOf(places)]
  const single = candidates.find((names) => names.length === 1)?.[0]
  if (worker === undefined) return { text: `It hosted ${list(hosted)}${atWork}.`, component: single }
  const used = `${bytes(worker.memoryBytes)} when last looked at`
  const most = `The worker with the most memory, ${used}, hosted ${list(hosted)}`
  const text = isFatalMemory ? `${most}${atWork}.` : `${most}.`
  if (isFatalMemory) return { text, component: worker.running ?? single }
  return { text: `It hosted ${list(namesOf(places))}${atWork}. ${text}`, component: single }
}

/** The worker that uses at least twice as much memory as any other, where that of all threads is known (the main one is not measured). */
function outstanding(workers: readonly WorkerStatus[]): WorkerStatus | undefined {
  const [first, second] = workers.toSorted((a, b) => b.memoryBytes - a.memoryBytes)
  if (first === undefined || workers.some((each) => each.worker !== 0 && each.memoryBytes === 0))
    return undefined
  if (first.memoryBytes === 0) return undefined
  return first.memoryBytes >= 2 * (second?.memoryBytes ?? 0) ? first : undefined
}

function namesOf(places: readonly InstancePlace[]): string[] {
  return places.map(({ component, instance }) => `${component}[${instance}]`)
}

/** The error for a main thread that shows no sign of life. */
export function engineStalled(
  ms: number,
  { status, places }: Pick<Death, 'status' | 'places'>,
): VertigoError {
  const seconds = `${(ms / 1000).toFixed(1)} s`
  if (places.length === 0)
    return new VertigoError(
      'COMPONENT_STALLED',
      `a module of the network has blocked the main thread for ${seconds} while it was loaded`,
      { remedy: 'Let modules only define things; work and connections belong into `setup` and handlers.' },
    )
  const main = status.workers.find(({ worker }) => worker === 0)
  const hosted = namesOf(places.filter(({ worker }) => worker === 0))
  const component = main?.running ?? (hosted.length === 1 ? hosted[0] : undefined)
  const who = component ?? (hosted.length === 0 ? 'something' : `one of ${list(hosted)}`)
  return new VertigoError('COMPONENT_STALLED', `${who} has blocked the main thread for ${seconds}`, {
    place: component === undefined ? undefined : { component },
  })
}
