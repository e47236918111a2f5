import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect, printJson } from '../../cluster/connect.ts'
import type { Command } from '../../command.ts'
import { visible } from '../../store/entry-text.ts'

export const snapshotRmCommand: Command = {
  spec: {
    name: 'snapshot rm',
    arguments: ['<network>', '<snapshot>'],
    about: [
      'Removes a snapshot, by its name or number. Its files go soon after, unless another snapshot that is kept needs them. Of the last one only the names go: a failure would have nothing to go back to. A name that is wanted, and has none yet, is wanted no more.',
    ],
    options: { ...apiOptions },
    examples: [['vertigo snapshot rm word-count before-upgrade', 'Keep it no longer.']],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const [network = '', snapshot = ''] = given.positionals
  const client = await connect(given)
  await client.removeSnapshot(network, snapshot)
  if (given.flag('json')) printJson({ network, snapshot, removed: true })
  else process.stdout.write(`${visible(network)}: snapshot ${visible(snapshot)} is removed\n`)
  return 0
}
