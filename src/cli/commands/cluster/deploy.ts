import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect } from '../../cluster/connect.ts'
import { askWith, readDeployment } from '../../cluster/deployment.ts'
import { finishChange, waitOptions } from '../../cluster/wait.ts'
import type { Command } from '../../command.ts'
import { override } from '../../override.ts'

export const deployCommand: Command = {
  spec: {
    name: 'deploy',
    arguments: ['<network>'],
    about: [
      'Deploys a network to the cluster, or a part of one to the network of its name that runs there: what the file names is added or replaced, the rest stays as it is. Components that the change does not concern keep running.',
      'The code is loaded and checked here. Nodes load it from the same paths, so every node needs the files and packages where they are here.',
      'The exit code says whether the change was accepted; with --wait, whether it runs.',
    ],
    options: {
      replace: { about: 'The network is what the file says, from now on: what else runs in it goes.' },
      set: {
        value: '<path=value>',
        multiple: true,
        about: 'Replaces a value of the network: lines.config.path=other.txt. May be repeated.',
      },
      expected: {
        value: '<version>',
        about: 'Only if this is the current version (0: only if there is no such network).',
      },
      ...waitOptions,
      ...apiOptions,
    },
    examples: [
      ['vertigo deploy network.yaml --wait', 'Deploy it, and see it run.'],
      ['vertigo deploy more.yaml', 'Add the components and connections of more.yaml to its network.'],
    ],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const [file = ''] = given.positionals
  const expected = given.wholeNumber('expected', 0)
  const mode = given.flag('replace') ? ('replace' as const) : ('merge' as const)
  const client = await connect(given)
  const loaded = await readDeployment(file, given.texts('set').map(override))
  const made = await askWith(loaded, (deployment) => client.deploy(deployment, { mode, expected }))
  return finishChange(given, client, { ...made, goal: made })
}
