import type { ApiClient } from '../../api/index.ts'
import { systemClock } from '../../base/clock.ts'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import type { NetworkStatus } from '../../cluster/client/index.ts'
import type { ErrorText } from '../../cluster/protocol/index.ts'
import type { Arguments } from '../arguments.ts'
import type { OptionSpec } from '../command-spec.ts'
import { visible } from '../store/entry-text.ts'
import { printJson } from './connect.ts'
import { hindrance, HindranceTeller } from './hindrance.ts'
import { errorNotes } from './snapshot-text.ts'

export const waitOptions: Readonly<Record<'wait' | 'timeout', OptionSpec>> = {
  wait: {
    about: 'Wait until it is carried out. How far it is, and what it waits for, is told on standard error.',
  },
  timeout: { value: '<s>', about: 'How long to wait, in seconds. Default 60.' },
}

/** What a command waits for: a version to run, or a network to stop. */
export type Goal = { readonly version: number } | 'stopped'

/**
 * Whether a status is what is waited for. A later version counts as well: somebody changed the network meanwhile, and this
 * version will never be seen alone. Errors: NETWORK_REFUSED, NETWORK_FAILED.
 */
export function isReached(status: NetworkStatus, goal: Goal): boolean {
  if (goal === 'stopped') return status.state === 'stopped'
  const { name, version, refused, state, error } = status
  if (version < goal.version) return false
  if (refused !== undefined && refused.version >= goal.version)
    throw ended(
      'NETWORK_REFUSED',
      `Version ${refused.version} of "${name}" could not be set up`,
      refused.error,
    )
  if (state === 'failed') throw ended('NETWORK_FAILED', `The network "${name}" has failed`, error)
  if (state === 'stopping' || state === 'stopped')
    throw new VertigoError('NETWORK_FAILED', `The network "${name}" was undeployed meanwhile.`, {
      remedy: 'Deploy it again, if it is to run.',
    })
  return state === 'running' || state === 'finished'
}

function ended(
  code: 'NETWORK_REFUSED' | 'NETWORK_FAILED',
  what: string,
  error: ErrorText | undefined,
): VertigoError {
  if (error === undefined) return new VertigoError(code, `${what}.`)
  const { code: inner, message, component, remedy } = error
  return new VertigoError(code, `${what}: ${inner}: ${visible(message)}`, {
    ...(component !== undefined && { place: { component } }),
    ...(remedy !== undefined && { remedy }),
  })
}

/** One line: how far it is. */
export function progress({ name, state, version, instances }: NetworkStatus): string {
  const counts = new Map<string, number>()
  for (const { state } of instances) counts.set(state, (counts.get(state) ?? 0) + 1)
  const detail = Array.from(counts, ([state, count]) => `${count} ${state}`).join(', ')
  return `${visible(name)} version ${version}: ${state}${detail === '' ? '' : `, instances: ${detail}`}`
}

/** Follows a network until the goal is reached. Errors: WAIT_TIMEOUT, those of `isReached`, and of the API. */
async function waitFor(
  client: ApiClient,
  name: string,
  goal: Goal,
  { timeoutMs, tell }: { readonly timeoutMs: number; readonly tell: (line: string) => void },
): Promise<NetworkStatus | undefined> {
  const late = new AbortController()
  const cancel = systemClock.after(timeoutMs, () => late.abort())
  const teller = new HindranceTeller(systemClock, tell)
  let told = ''
  let ended = ''
  let keeps: string | undefined
  try {
    for await (const status of client.watchNetwork(name, late.signal)) {
      if (status === undefined) break
      const line = progress(status)
      if (line !== told) tell(line)
      told = line
      const notes = endNotes(status).join('\n')
      if (notes !== '' && notes !== ended) tell(notes)
      ended = notes
      if (isReached(status, goal)) return status
      keeps = hindrance(status)
      teller.is(keeps)
    }
  } finally {
    cancel()
    teller.close()
  }
  if (late.signal.aborted) throw lateError(name, goal, { timeoutMs, told, keeps })
  if (goal === 'stopped') return undefined
  throw new VertigoError('NETWORK_UNKNOWN', `The network "${name}" was forgotten meanwhile.`)
}

/** What there is to know of the end of what was undeployed before. */
function endNotes({ before }: NetworkStatus): string[] {
  const { error, version } = before ?? {}
  if (error === undefined) return []
  return [`version ${version} has stopped`, ...errorNotes(error)].map(visible)
}

function lateError(
  name: string,
  goal: Goal,
  { timeoutMs, told, keeps }: { timeoutMs: number; told: string; keeps: string | undefined },
): VertigoError {
  const what = goal === 'stopped' ? 'the end' : `version ${goal.version}`
  const why = keeps === undefined ? '' : ` It waits for ${keeps.replace(/\.$/, '')}.`
  return new VertigoError(
    'WAIT_TIMEOUT',
    `Not within ${timeoutMs / 1000} s: ${what} of "${name}". It is at: ${told === '' ? 'nothing was seen' : told}.${why}`,
  )
}

/** Prints what a change made; with `--wait`, once it is carried out. Gives the exit code. */
export async function finishChange(
  given: Arguments,
  client: ApiClient,
  { name, goal, version }: { readonly name: string; readonly goal: Goal; readonly version: number },
): Promise<number> {
  const asJson = given.flag('json')
  const shown = visible(name)
  if (!given.flag('wait')) {
    if (asJson) printJson({ name, version })
    else
      process.stdout.write(goal === 'stopped' ? `${shown}: is to stop\n` : `${shown}: version ${version}\n`)
    return 0
  }
  const timeoutMs = (given.positiveNumber('timeout') ?? 60) * 1000
  const tell = (line: string): void => {
    if (!asJson) process.stderr.write(`${line}\n`)
  }
  const status = await waitFor(client, name, goal, { timeoutMs, tell }).catch((error: unknown) => {
    // It was forgotten before it could be watched: it has stopped.
    if (goal === 'stopped' && isVertigoError(error) && error.code === 'NETWORK_UNKNOWN') return undefined
    throw error
  })
  if (asJson) printJson(status ?? { name, version, state: 'stopped' })
  else if (goal === 'stopped') {
    const { error } = status ?? {}
    for (const note of error === undefined ? [] : errorNotes(error)) tell(visible(note))
    process.stdout.write(`${shown}: stopped\n`)
  } else if (status !== undefined)
    process.stdout.write(`${shown}: version ${status.version} is ${status.state}\n`)
  return 0
}
