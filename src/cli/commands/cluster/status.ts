import { systemClock } from '../../../base/clock.ts'
import type { CountedStatus } from '../../../api/index.ts'
import type { NetworkStatus } from '../../../cluster/client/index.ts'
import type { ErrorText } from '../../../cluster/protocol/index.ts'
import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect, printJson } from '../../cluster/connect.ts'
import { bytesText, durationText, errorNotes } from '../../cluster/snapshot-text.ts'
import type { Command } from '../../command.ts'
import { visible } from '../../store/entry-text.ts'
import { columns } from '../../table.ts'

export const statusCommand: Command = {
  spec: {
    name: 'status',
    arguments: ['<network>'],
    about: [
      'Shows what becomes of a network, instance by instance: where each runs, or why it does not.',
      'With --json: `state`, `version`, `generation`, `failures`, and for each of `instances` its `component`, `index`, `node` and `state`; `refused` and `error` where there is any, `before` while a version that was undeployed comes to its end, `snapshots` where they are taken: `last`, `failing` where none was committed since, and `damaged` where the record of the last one cannot be read.',
    ],
    options: {
      counters: { about: 'Ask the nodes what each instance has received, sent, queued and rejected.' },
      ...apiOptions,
    },
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const client = await connect(given)
  const name = given.positionals[0] ?? ''
  const status = given.flag('counters') ? await client.countedStatus(name) : await client.status(name)
  if (given.flag('json')) printJson(status)
  else process.stdout.write(statusText(status))
  return 0
}

function statusText(status: NetworkStatus | CountedStatus): string {
  const { name, state, version, generation, refused, before, error, failures, instances } = status
  const notes = [
    ...(refused === undefined ? [] : [`version ${refused.version} was refused${because(refused.error)}`]),
    ...beforeNotes(before),
    ...(error === undefined ? [] : state === 'stopped' ? errorNotes(error) : [`failed${because(error)}`]),
    ...('missing' in status ? status.missing : []).map(
      ({ node, reason }) => `the node ${node} does not tell its counters: ${reason}`,
    ),
    ...snapshotNotes(status.snapshots),
    ...failures.map(({ component, count, error }) => `${component} failed ${count} times${because(error)}`),
  ]
  const isCounted = 'missing' in status
  const rows = instances.map((one: CountedStatus['instances'][number]) => {
    const { component, index, node = '-', worker, state } = one
    const reason = [one.reason ?? '', ...waitNotes(one)].filter(Boolean).join(' ')
    const place = [`${component}[${index}]`, node, worker === undefined ? '-' : String(worker), state]
    return [...place, ...(isCounted ? countedCells(one.counters) : []), visible(reason)]
  })
  const head = `${name}: ${state}, version ${version}, generation ${generation}\n`
  const table =
    rows.length === 0
      ? ''
      : `\n${columns([['INSTANCE', 'NODE', 'WORKER', 'STATE', ...(isCounted ? ['IN', 'OUT', 'QUEUED', 'REJECTED'] : []), ''], ...rows])}`
  return head + notes.map((note) => `  ${visible(note)}\n`).join('') + table
}

/** Of what was undeployed, and comes to its end before this version begins. */
function beforeNotes(before: NetworkStatus['before']): string[] {
  if (before === undefined) return []
  const { version, state, error } = before
  if (state === 'stopping')
    return [
      `version ${version}, which was undeployed, still comes to its end: this one begins afresh after that`,
    ]
  return [`version ${version} has stopped`, ...(error === undefined ? [] : errorNotes(error))]
}

/** Since when it waits, and what stands to be lost where that is for a journal. */
function waitNotes({ sinceMs, savedUntilMs }: NetworkStatus['instances'][number]): string[] {
  if (sinceMs === undefined) return []
  const notes = [`It has waited for ${durationText(systemClock.now() - sinceMs)}.`]
  if (savedUntilMs === 0)
    notes.push('All that it acknowledged is in that journal only: there is no snapshot.')
  else if (savedUntilMs !== undefined)
    notes.push(
      `In that journal only is what it acknowledged after the last snapshot: at most in the ${durationText(Math.max(0, sinceMs - savedUntilMs))} before it was missed.`,
    )
  return notes
}

function snapshotNotes(snapshots: NetworkStatus['snapshots']): string[] {
  const { last, failing, damaged } = snapshots ?? {}
  const nowMs = systemClock.now()
  const ago = (ms: number): string => durationText(nowMs - ms)
  return [
    ...(last === undefined
      ? []
      : [
          `snapshot ${last.id}: committed ${ago(last.committedAtMs)} ago, ${bytesText(last.bytes)} in ${last.tookMs} ms`,
        ]),
    ...(damaged === undefined ? [] : errorNotes(damaged)),
    ...(failing === undefined
      ? []
      : [
          `snapshots have been failing for ${ago(failing.sinceMs)} (${failing.times} of them): ${failing.code}: ${failing.reason}`,
          ...(failing.remedy === undefined ? [] : [failing.remedy]),
        ]),
  ]
}

function countedCells(counters: CountedStatus['instances'][number]['counters']): string[] {
  if (counters === undefined) return ['-', '-', '-', '-']
  const { received, sent, queued, rejected } = counters
  return [received, sent, queued, rejected].map(String)
}

function because(error: ErrorText | undefined): string {
  return error === undefined ? '' : `: ${error.code}: ${error.message}`
}
