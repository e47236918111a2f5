import { systemClock } from '../../../base/clock.ts'
import { logLevels, type LogLine, type LogQuery } from '../../../cluster/client/index.ts'
import type { LogUpdate } from '../../../api/index.ts'
import { type Arguments, usage } from '../../arguments.ts'
import { apiOptions, connect } from '../../cluster/connect.ts'
import type { Command } from '../../command.ts'
import { whenOutputCloses, writeOut } from '../../output.ts'
import { visible } from '../../store/entry-text.ts'

export const logsCommand: Command = {
  spec: {
    name: 'logs',
    arguments: ['<network>'],
    about: [
      'Prints what the instances of a network logged on all nodes, and the messages that they rejected, in the order of their times; with --follow, also what comes from then on, until Ctrl-C.',
      'Each node keeps the newest 4096 lines of a network, and at most 1 MiB. Lines that it let go before they could be read are counted on standard error, as are nodes that do not answer.',
      'Rejected messages are also in a file on their node, `<network>.<node>.dead-letter.jsonl`.',
    ],
    options: {
      follow: { short: 'f', about: 'Go on with lines as they come.' },
      component: { value: '<name>', about: 'Only this component; or all within a subnet, by its name.' },
      level: { value: '<level>', about: `Only this level and those above: ${logLevels.join(', ')}.` },
      since: {
        value: '<time>',
        about: 'Only from this time on: a duration back from now, such as 90s, 10m, 2h or 1d, or a date.',
      },
      limit: { value: '<n>', about: 'Of all lines the newest so many. Default 1000, at most 10000.' },
      ...apiOptions,
      json: { about: 'One JSON object a line: node, timeMs, level, component, instance, message, details.' },
    },
    examples: [['vertigo logs word-count -f --level warn', 'Follow warnings and errors.']],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const [network = ''] = given.positionals
  const query = queryOf(given)
  const client = await connect(given)
  const text = given.flag('json') ? (line: LogLine) => `${JSON.stringify(line)}\n` : lineText
  if (!given.flag('follow')) {
    const { lines, dropped, missing } = await client.logs(network, query)
    await writeOut(lines.map(text))
    for (const one of missing) note(missingText(one))
    if (dropped > 0) note(`${dropped} older lines are no longer kept`)
    return 0
  }
  const ended = new AbortController()
  const end = (): void => ended.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end)
  whenOutputCloses(end)
  for await (const update of client.watchLogs(network, query, ended.signal)) {
    if (update.type === 'line') await writeOut([text(update.line)])
    else note(update.type === 'dropped' ? droppedText(update) : missingText(update))
  }
  return 0
}

function queryOf(given: Arguments): LogQuery {
  const component = given.text('component')
  const level = given.oneOf('level', logLevels)
  const since = given.text('since')
  const limit = given.wholeNumber('limit', 1)
  return {
    ...(component !== undefined && { component }),
    ...(level !== undefined && { level }),
    ...(since !== undefined && { sinceMs: sinceMs(since, systemClock.now()) }),
    ...(limit !== undefined && { limit }),
  }
}

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Errors: USAGE. */
export function sinceMs(text: string, nowMs: number): number {
  const found = /^(\d{1,12})(ms|[smhd])$/.exec(text)
  const timeMs =
    found === null ? Date.parse(text) : nowMs - Number(found[1]) * units[found[2] as keyof typeof units]
  // A number alone would be taken for a year.
  if (Number.isNaN(timeMs) || /^\d+$/.test(text))
    throw usage(
      `--since must be a duration such as 10m, or a date such as 2026-01-31T12:00:00Z, not "${text}".`,
    )
  return Math.max(0, timeMs)
}

function note(text: string): void {
  process.stderr.write(`vertigo: ${visible(text)}\n`)
}

type Told<T extends LogUpdate['type']> = Extract<LogUpdate, { readonly type: T }>

function droppedText({ node, count }: Told<'dropped'>): string {
  return `${count} lines of the node ${node} were let go before they were read`
}

function missingText({ node, reason }: { readonly node: string; readonly reason: string }): string {
  return `nothing comes from the node ${node}: ${reason}`
}

function lineText({ node, timeMs, level, component, instance, message, details, rejected }: LogLine): string {
  const who = component === undefined ? '' : ` ${component}[${instance}]`
  const given = details ?? rejected?.message
  const more = given === undefined ? '' : ` ${JSON.stringify(given)}`
  return `${new Date(timeMs).toISOString()} ${visible(`${node}${who} ${level}: ${message}${more}`)}\n`
}
