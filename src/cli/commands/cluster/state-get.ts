import type { StateReading } from '../../../cluster/client/index.ts'
import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect, printJson } from '../../cluster/connect.ts'
import type { Command } from '../../command.ts'
import { visible } from '../../store/entry-text.ts'
import { columns } from '../../table.ts'

export const stateGetCommand: Command = {
  spec: {
    name: 'state get',
    arguments: ['<network>', '<component>', '<key>'],
    about: [
      'Prints the state of a key, as the last committed snapshot of the network has it: what runs is not asked, and has gone on since. It says which snapshot that is, and how old.',
      'The key is JSON: `7`, `["a", 1]`, `{"id": 3}`. What is no JSON is a text: `the` is `"the"`. A text that begins with a minus stands behind `--`, which ends the options.',
      'The files of the instance that has the key are read through, which takes as long as its state is large.',
    ],
    options: {
      snapshot: { value: '<snapshot>', about: 'Name or number of another snapshot that is kept.' },
      ...apiOptions,
    },
    examples: [
      ['vertigo state get word-count count the', 'How often the word was counted by the last snapshot.'],
      ['vertigo state get temperatures average -5', 'Of a key that is a number.'],
      ['vertigo state get word-count count -- -er', 'Of a text that would be taken for an option.'],
    ],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const [network = '', component = '', text = ''] = given.positionals
  const snapshot = given.text('snapshot')
  const client = await connect(given)
  const reading = await client.state(network, {
    component,
    key: keyOf(text),
    ...(snapshot !== undefined && { snapshot }),
  })
  if (given.flag('json')) printJson(reading)
  else process.stdout.write(readingText(reading))
  return 0
}

function keyOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function readingText({ component, instance, key, states, changedMs, snapshot }: StateReading): string {
  const { id, version, ageMs } = snapshot
  const age = (ageMs / 1_000).toFixed(1)
  const head = `${component}[${instance}] at ${visible(JSON.stringify(key))}, by snapshot ${id} (version ${version}), ${age} s ago\n`
  const rows = Object.entries(states).map(([name, value]) => [
    visible(name),
    ...(changedMs === undefined ? [] : [new Date(changedMs[name] ?? 0).toISOString()]),
    visible(JSON.stringify(value)),
  ])
  return `${head}\n${columns([['STATE', ...(changedMs === undefined ? [] : ['CHANGED']), 'VALUE'], ...rows])}`
}
