import { isVertigoError, VertigoError } from '../../../base/errors.ts'
import type { ApiClient } from '../../../api/index.ts'
import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect } from '../../cluster/connect.ts'
import { isNetworkFile, readDeployment } from '../../cluster/deployment.ts'
import { finishChange, waitOptions } from '../../cluster/wait.ts'
import type { Command } from '../../command.ts'

export const undeployCommand: Command = {
  spec: {
    name: 'undeploy',
    arguments: ['<network>'],
    about: [
      'Ends a network of the cluster, by its name: sources end, what is on its way is handled, then everything stops.',
      'With the file of a part, such as ./more.yaml, only what the file names is taken out of its network; the rest runs on.',
    ],
    options: { ...waitOptions, ...apiOptions },
    examples: [
      ['vertigo undeploy word-count --wait', 'End it, and wait until it has.'],
      ['vertigo undeploy ./more.yaml', 'Take out again what more.yaml has added.'],
    ],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const [network = ''] = given.positionals
  const client = await connect(given)
  if (isNetworkFile(network)) return undeployPart(given, client, network)
  const { version } = await client.undeploy(network)
  return finishChange(given, client, { name: network, version, goal: 'stopped' })
}

async function undeployPart(given: Arguments, client: ApiClient, file: string): Promise<number> {
  const { deployment } = await readDeployment(file)
  try {
    const made = await client.undeployPart(deployment.part)
    return await finishChange(given, client, { ...made, goal: made })
  } catch (error) {
    if (!isVertigoError(error) || !error.faults.some(({ code }) => code === 'NETWORK_EMPTY')) throw error
    const { name } = deployment.part
    throw new VertigoError('NETWORK_INVALID', `Nothing would be left of the network "${name}".`, {
      remedy: `To end it, name it: \`vertigo undeploy ${name}\`.`,
    })
  }
}
