import type { ApiClient } from '../../../api/index.ts'
import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect, printJson } from '../../cluster/connect.ts'
import type { Command } from '../../command.ts'
import { visible } from '../../store/entry-text.ts'

export const drainCommand: Command = {
  spec: {
    name: 'drain',
    arguments: ['<node>'],
    about: [
      'Empties a node: its instances move to others, and it gets no new ones. It stays in the cluster, until `vertigo undrain`; also when it is started anew.',
    ],
    options: apiOptions,
    examples: [['vertigo drain node-2', 'Before its machine is taken down.']],
  },
  run: (given) => change(given, true, (client, id) => client.drain(id)),
}

export const undrainCommand: Command = {
  spec: {
    name: 'undrain',
    arguments: ['<node>'],
    about: ['Lets a node have instances again.'],
    options: apiOptions,
  },
  run: (given) => change(given, false, (client, id) => client.undrain(id)),
}

async function change(
  given: Arguments,
  draining: boolean,
  ask: (client: ApiClient, id: string) => Promise<void>,
): Promise<number> {
  const [id = ''] = given.positionals
  await ask(await connect(given), id)
  if (given.flag('json')) printJson({ id, draining })
  else process.stdout.write(`${visible(id)}: ${draining ? 'draining' : 'takes instances again'}\n`)
  return 0
}
