import type { ClusterEvent } from '../../../cluster/client/index.ts'
import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect } from '../../cluster/connect.ts'
import type { Command } from '../../command.ts'
import { whenOutputCloses, writeOut } from '../../output.ts'
import { visible } from '../../store/entry-text.ts'

export const eventsCommand: Command = {
  spec: {
    name: 'events',
    arguments: [],
    about: [
      'Prints what happened in the cluster, the oldest first; with --follow, also what happens from then on, until Ctrl-C. The newest 1000 events are kept.',
    ],
    options: {
      follow: { about: 'Go on with events as they come.' },
      after: { value: '<number>', about: 'Only those behind the event of this number. Default 0.' },
      ...apiOptions,
      json: { about: 'One JSON object a line: number, atMs, type, node, network, text.' },
    },
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const after = given.wholeNumber('after', 0) ?? 0
  const client = await connect(given)
  const line = given.flag('json') ? (event: ClusterEvent) => `${JSON.stringify(event)}\n` : eventLine
  if (!given.flag('follow')) {
    await writeOut((await client.events({ after })).map(line))
    return 0
  }
  const ended = new AbortController()
  const end = (): void => ended.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end)
  whenOutputCloses(end)
  for await (const event of client.watchEvents(after, ended.signal)) await writeOut([line(event)])
  return 0
}

function eventLine({ number, atMs, type, text }: ClusterEvent): string {
  return `${number}  ${new Date(atMs).toISOString()}  ${visible(type)}  ${visible(text)}\n`
}
