import { type Arguments, usage } from '../../arguments.ts'
import { apiOptions, connect } from '../../cluster/connect.ts'
import { discardOf, discardOptions } from '../../cluster/discard.ts'
import { finishChange, waitOptions } from '../../cluster/wait.ts'
import type { Command } from '../../command.ts'

export const scaleCommand: Command = {
  spec: {
    name: 'scale',
    arguments: ['<network>', '<component>', '<instances>'],
    about: ['Sets how many copies of a component share its work.'],
    options: {
      expected: { value: '<version>', about: 'Only if this is the current version.' },
      ...discardOptions,
      ...waitOptions,
      ...apiOptions,
    },
    examples: [['vertigo scale word-count count 4 --wait', 'Count with four instances.']],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const [network = '', component = '', text = ''] = given.positionals
  const instances = Number(text)
  if (!/^\d+$/.test(text) || instances < 1)
    throw usage(
      `<instances> must be a whole number, 1 or more, not "${text}".`,
      'To take the component out, undeploy it: `vertigo undeploy <file that names it>`; to end the network: `vertigo undeploy <network>`.',
    )
  const expected = given.wholeNumber('expected', 0)
  const client = await connect(given)
  const made = await client.scale(network, component, instances, { expected, ...discardOf(given) })
  return finishChange(given, client, { ...made, goal: made })
}
