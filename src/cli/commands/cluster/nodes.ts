import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect, printJson } from '../../cluster/connect.ts'
import type { Command } from '../../command.ts'
import { visible } from '../../store/entry-text.ts'
import { columns } from '../../table.ts'

export const nodesCommand: Command = {
  spec: {
    name: 'nodes',
    arguments: [],
    about: [
      'Lists the nodes of the cluster.',
      'With --json, for each: `id`, `pid`, `address`, `api`, `version`, `groups`, `labels`, `workers`, `instances`, `manager` (true for one), `draining`, `unreached` (nodes to which its link is broken, and why), `joinedAtMs`.',
    ],
    options: apiOptions,
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const client = await connect(given)
  const nodes = await client.nodes()
  if (given.flag('json')) {
    printJson(nodes)
    return 0
  }
  const rows = nodes.map(({ id, pid, address, groups, workers, instances, manager, draining, unreached }) => [
    visible(id),
    String(pid),
    visible(address),
    groups.length === 0 ? '-' : visible(groups.join(',')),
    String(workers),
    String(instances),
    [
      ...(manager ? ['manager'] : []),
      ...(draining === undefined ? [] : ['draining']),
      ...(unreached ?? []).map(({ node }) => `no link to ${visible(node)}`),
    ].join(', '),
  ])
  process.stdout.write(columns([['NODE', 'PID', 'ADDRESS', 'GROUPS', 'WORKERS', 'INSTANCES', ''], ...rows]))
  return 0
}
