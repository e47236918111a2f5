import type { ClusterConfig } from '../../../cluster/protocol/index.ts'
import { type Arguments, usage } from '../../arguments.ts'
import { apiOptions, connect, printJson } from '../../cluster/connect.ts'
import type { Command } from '../../command.ts'
import { columns } from '../../table.ts'

export const configCommand: Command = {
  spec: {
    name: 'config',
    arguments: [],
    about: [
      'Prints what is set for the whole cluster; with options, sets that. It takes effect at once, on all nodes, and outlives them: it is in the store. Setting needs a token with the role admin, where there are tokens.',
    ],
    options: {
      quorum: {
        value: '<n>',
        about:
          'With fewer nodes than that, nothing new is deployed: no network, no version, and no instance of a lost node. What runs goes on. Default 1.',
      },
      ...apiOptions,
    },
    examples: [
      ['vertigo config', 'Show it.'],
      ['vertigo config --quorum 2', 'Deploy only while two nodes or more are there.'],
    ],
  },
  run,
}

const quorumMax = 10_000

async function run(given: Arguments): Promise<number> {
  const quorum = given.wholeNumber('quorum', 1)
  if (quorum !== undefined && quorum > quorumMax)
    throw usage(`--quorum must be ${quorumMax} or less, not ${quorum}.`)
  const client = await connect(given)
  const known = await client.config()
  const config = quorum === undefined ? known : await client.configure({ ...known, quorum })
  if (given.flag('json')) printJson(withDefaults(config))
  else
    process.stdout.write(
      columns([
        ['SETTING', 'VALUE'],
        ...Object.entries(withDefaults(config)).map(([k, v]) => [k, String(v)]),
      ]),
    )
  return 0
}

function withDefaults({ quorum = 1 }: ClusterConfig): Required<ClusterConfig> {
  return { quorum }
}
