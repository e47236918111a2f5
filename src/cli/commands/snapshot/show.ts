import type { SnapshotContent } from '../../../cluster/client/index.ts'
import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect, printJson } from '../../cluster/connect.ts'
import { bytesText, namesOf, notesOf, timeText } from '../../cluster/snapshot-text.ts'
import type { Command } from '../../command.ts'
import { visible } from '../../store/entry-text.ts'
import { columns } from '../../table.ts'

export const snapshotShowCommand: Command = {
  spec: {
    name: 'snapshot show',
    arguments: ['<network>', '<snapshot>'],
    about: [
      'Shows a snapshot, by its name or number: for each instance, the files that hold its state. What it consists of is read from the storage, and verified.',
      'With --json: `snapshot`, and `manifest` with the files.',
    ],
    options: { ...apiOptions },
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const [network = '', snapshot = ''] = given.positionals
  const client = await connect(given)
  const content = await client.snapshotContent(network, snapshot)
  if (given.flag('json')) printJson(content)
  else process.stdout.write(textOf(content))
  return 0
}

function textOf({ snapshot, manifest }: SnapshotContent): string {
  const { id, committedAtMs, tookMs, bytes, version, generation, incarnation, storage } = snapshot
  const facts: [string, string][] = [
    ['names', namesOf(snapshot)],
    ['committed', `${timeText(committedAtMs)}, after ${tookMs} ms`],
    ['size', bytesText(bytes)],
    ['version', `${version} of the network, generation ${generation}, incarnation ${incarnation}`],
    ['storage', storage === undefined ? 'the default of the cluster' : visible(storage)],
    ['files', visible(snapshot.manifest.name)],
  ]
  const rows = manifest.instances.map(
    ({ component, instance, isFinished, hasChannelState, keyGroups, stateVersion, files }) => [
      `${component}[${instance}]`,
      bytesText(files.reduce((sum, file) => sum + file.bytes, 0)),
      String(files.length),
      keyGroups === null ? '-' : `${keyGroups[0]}-${keyGroups[1]}`,
      String(stateVersion),
      [isFinished ? 'finished' : '', hasChannelState ? 'messages on their way' : '']
        .filter((note) => note !== '')
        .join(', '),
    ],
  )
  const notes = notesOf(snapshot)
  return [
    `${visible(manifest.network)}: snapshot ${id}${notes === '' ? '' : ` (${notes})`}\n`,
    ...facts.map(([name, value]) => `  ${name.padEnd(9)}  ${value}\n`),
    '\n',
    columns([['INSTANCE', 'SIZE', 'FILES', 'KEY GROUPS', 'STATE VERSION', ''], ...rows]),
  ].join('')
}
