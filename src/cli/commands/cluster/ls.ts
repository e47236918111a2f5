import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect, printJson } from '../../cluster/connect.ts'
import { errorNotes } from '../../cluster/snapshot-text.ts'
import type { Command } from '../../command.ts'
import { visible } from '../../store/entry-text.ts'
import { columns } from '../../table.ts'

export const lsCommand: Command = {
  spec: {
    name: 'ls',
    arguments: [],
    about: ['Lists the networks of the cluster.'],
    options: apiOptions,
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const client = await connect(given)
  const networks = await client.networks()
  if (given.flag('json')) {
    printJson(networks)
    return 0
  }
  const rows = networks.map(({ name, state, version, components, instances }) => [
    visible(name),
    state,
    ...[version, components, instances].map((count) => (state === 'damaged' ? '-' : String(count))),
  ])
  if (rows.length === 0) process.stderr.write('No network is deployed.\n')
  else process.stdout.write(columns([['NETWORK', 'STATE', 'VERSION', 'COMPONENTS', 'INSTANCES'], ...rows]))
  for (const { error } of networks)
    for (const note of error === undefined ? [] : errorNotes(error))
      process.stderr.write(`${visible(note)}\n`)
  return 0
}
