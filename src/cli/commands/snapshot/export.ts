import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect, printJson } from '../../cluster/connect.ts'
import { bytesText } from '../../cluster/snapshot-text.ts'
import { writeExport } from '../../cluster/snapshot-export.ts'
import type { Command } from '../../command.ts'
import { visible } from '../../store/entry-text.ts'

export const snapshotExportCommand: Command = {
  spec: {
    name: 'snapshot export',
    arguments: ['<network>', '<snapshot>', '<folder>'],
    about: [
      'Writes all that a snapshot consists of into a folder, which has to be empty or not there: its files, verified as they come, and what they mean. Nothing in it refers to the cluster.',
      'Another cluster goes on from it: `vertigo deploy network.yaml --from-snapshot ./folder`. Also a backup: the storage of snapshots is not one, since it is overwritten all the time.',
      'Give the snapshot a name before (`vertigo snapshot create`), so that it is not removed while it is read.',
    ],
    options: { ...apiOptions },
    examples: [
      ['vertigo snapshot export word-count before-upgrade ./backup', 'All of it, in a folder.'],
      ['vertigo deploy network.yaml --from-snapshot ./backup --api http://other:7411', 'Go on elsewhere.'],
    ],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const [network = '', snapshot = '', folder = ''] = given.positionals
  const client = await connect(given)
  const content = await client.snapshotContent(network, snapshot)
  const { files, bytes } = await writeExport(client, content, folder)
  const { id } = content.snapshot
  if (given.flag('json')) printJson({ network, snapshot: id, folder, files, bytes })
  else
    process.stdout.write(
      `${visible(network)}: snapshot ${id} is in ${visible(folder)}: ${files} files, ${bytesText(bytes)}\n`,
    )
  return 0
}
