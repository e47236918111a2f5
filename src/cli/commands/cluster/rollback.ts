import type { ApiClient } from '../../../api/index.ts'
import { VertigoError } from '../../../base/errors.ts'
import { type Arguments, usage } from '../../arguments.ts'
import { apiOptions, connect } from '../../cluster/connect.ts'
import { discardOf, discardOptions } from '../../cluster/discard.ts'
import { finishChange, waitOptions } from '../../cluster/wait.ts'
import type { Command } from '../../command.ts'

export const rollbackCommand: Command = {
  spec: {
    name: 'rollback',
    arguments: ['<network>', '[version]'],
    about: [
      'Goes back to an older version of a network, by a new version with its content. Default: the version before the current one. `vertigo describe <network> --versions` lists them.',
    ],
    options: {
      expected: { value: '<version>', about: 'Only if this is the current version.' },
      ...discardOptions,
      ...waitOptions,
      ...apiOptions,
    },
    examples: [['vertigo rollback word-count 3 --wait', 'Run what version 3 was.']],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const [network = '', text] = given.positionals
  if (text !== undefined && !/^[1-9]\d{0,14}$/.test(text))
    throw usage(`[version] must be the number of a version, not "${text}".`)
  const asked = given.wholeNumber('expected', 0)
  const client = await connect(given)
  // What was looked at must still be the current one when it is left.
  const { to, expected } =
    text === undefined ? await before(client, network) : { to: Number(text), expected: undefined }
  const made = await client.rollback(network, to, {
    expected: asked ?? expected,
    ...discardOf(given),
  })
  return finishChange(given, client, { ...made, goal: made })
}

async function before(
  client: ApiClient,
  network: string,
): Promise<{ readonly to: number; readonly expected: number }> {
  const [current, previous] = await client.versions(network)
  if (current === undefined || previous === undefined)
    throw new VertigoError(
      'VERSION_UNKNOWN',
      `The network "${network}" has no version before its current one.`,
    )
  return { to: previous.version, expected: current.version }
}
