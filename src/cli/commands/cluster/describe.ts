import type { Definition, VersionSummary } from '../../../api/index.ts'
import { snapshotsKept } from '../../../cluster/control/index.ts'
import { guaranteeInCluster, losesNothing } from '../../../model/guarantee.ts'
import { selectorSpec } from '../../../model/network.ts'
import { snapshotTimesOf } from '../../../snapshot/coordinator.ts'
import { type Arguments, usage } from '../../arguments.ts'
import { apiOptions, connect, printJson } from '../../cluster/connect.ts'
import type { Command } from '../../command.ts'
import { visible } from '../../store/entry-text.ts'
import { columns } from '../../table.ts'

export const describeCommand: Command = {
  spec: {
    name: 'describe',
    arguments: ['<network>'],
    about: ['Shows a network as it is deployed: its components and connections, or its versions.'],
    options: {
      versions: { about: 'List the versions that are kept, newest first.' },
      version: { value: '<n>', about: 'Show this version. Default: the newest.' },
      ...apiOptions,
    },
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const [network = ''] = given.positionals
  const version = given.wholeNumber('version', 1)
  if (given.flag('versions') && version !== undefined)
    throw usage('--version shows one version, --versions lists all: give one of them.')
  const client = await connect(given)
  const found = given.flag('versions')
    ? { value: await client.versions(network), show: versionsText }
    : { value: await client.definition(network, version), show: definitionText }
  if (given.flag('json')) printJson(found.value)
  else process.stdout.write(found.show(found.value as never))
  return 0
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}

function versionsText(versions: readonly VersionSummary[]): string {
  const rows = versions.map(({ version, createdAtMs, by, change, components, instances }) => [
    String(version),
    timeText(createdAtMs),
    visible(by),
    String(components),
    String(instances),
    visible(change),
  ])
  return columns([['VERSION', 'MADE', 'BY', 'COMPONENTS', 'INSTANCES', 'CHANGE'], ...rows])
}

function definitionText({ name, version, createdAtMs, by, change, flat }: Definition): string {
  const components = Object.entries(flat.components).map(
    ([component, { kind, instances = 1, group = '-' }]) => [
      component,
      String(instances),
      visible(group),
      visible(kind),
    ],
  )
  const connections = flat.connections.map(({ from, to, selector }) => [
    from,
    to,
    selectorSpec(selector).type,
  ])
  return [
    `${name}: version ${version}, made ${timeText(createdAtMs)} by ${visible(by)} (${visible(change)})\n`,
    ...guaranteeText(flat),
    columns([['COMPONENT', 'INSTANCES', 'GROUP', 'KIND'], ...components]),
    ...(connections.length === 0 ? [] : [columns([['FROM', 'TO', 'SELECTOR'], ...connections])]),
  ].join('\n')
}

/** What is kept of it, and how. */
function guaranteeText(flat: Definition['flat']): string[] {
  const { snapshot = {} } = flat
  const guarantee = guaranteeInCluster(flat)
  if (!losesNothing(guarantee)) return [`${guarantee}: no snapshots are taken\n`]
  const { intervalMs } = snapshotTimesOf(snapshot)
  const { keep = snapshotsKept, storage } = snapshot
  const where = storage === undefined ? 'where the cluster keeps them' : `in ${visible(storage)}`
  return [
    `${guarantee}: a snapshot every ${intervalMs} ms, the last ${keep} and named ones are kept ${where}\n`,
  ]
}
