import { systemClock } from '../../../base/clock.ts'
import type { NetworkSnapshots } from '../../../cluster/client/index.ts'
import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect, printJson } from '../../cluster/connect.ts'
import {
  bytesText,
  durationText,
  errorNotes,
  namesOf,
  notesOf,
  timeText,
} from '../../cluster/snapshot-text.ts'
import type { Command } from '../../command.ts'
import { visible } from '../../store/entry-text.ts'
import { columns } from '../../table.ts'

export const snapshotLsCommand: Command = {
  spec: {
    name: 'snapshot ls',
    arguments: ['<network>'],
    about: [
      'Lists the snapshots of a network that are kept, newest first: the last ones (`snapshot.keep` of the network, 3 by default), and those that have a name. The one that a failure would go back to is marked `current`. None is while a version that was undeployed still comes to its end: what is deployed then begins afresh.',
      'With --json: `snapshots`, `wanted` (names under which one is asked for), `aborted`, the last one that came to nothing, and `damaged`, where records of snapshots cannot be read.',
    ],
    options: { ...apiOptions },
    examples: [['vertigo snapshot ls word-count', 'What there is to go back to.']],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const client = await connect(given)
  const found = await client.snapshots(given.positionals[0] ?? '')
  if (given.flag('json')) printJson(found)
  else process.stdout.write(textOf(found))
  return 0
}

function textOf({ snapshots, aborted, wanted, damaged = [] }: NetworkSnapshots): string {
  const nowMs = systemClock.now()
  const rows = snapshots.map((one) => [
    String(one.id),
    timeText(one.committedAtMs),
    durationText(nowMs - one.committedAtMs),
    `${one.tookMs} ms`,
    bytesText(one.bytes),
    String(one.version),
    namesOf(one),
    notesOf(one),
  ])
  const table =
    rows.length === 0
      ? 'there are no snapshots\n'
      : columns([['SNAPSHOT', 'COMMITTED', 'AGE', 'TOOK', 'SIZE', 'VERSION', 'NAMES', ''], ...rows])
  const waits = wanted.map((name) => `"${visible(name)}" is wanted, and not there yet\n`)
  const isNewer = aborted !== undefined && aborted.atMs > (snapshots[0]?.committedAtMs ?? 0)
  const failing = isNewer
    ? [
        `snapshot ${aborted.id} came to nothing ${durationText(nowMs - aborted.atMs)} ago: ${aborted.code}: ${visible(aborted.reason)}\n`,
      ]
    : []
  const notes = damaged.flatMap(({ error }) => errorNotes(error)).map((note) => `${visible(note)}\n`)
  return [table, ...notes, ...waits, ...failing].join('')
}
