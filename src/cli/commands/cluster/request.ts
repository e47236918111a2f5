import { VertigoError } from '../../../base/errors.ts'
import { clientTextLengthMax } from '../../../component/client-port.ts'
import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect } from '../../cluster/connect.ts'
import { messageOf, messageOptions, timeoutMs } from '../../cluster/messages.ts'
import type { Command } from '../../command.ts'

export const requestCommand: Command = {
  spec: {
    name: 'request',
    arguments: ['<network>', '<port>', '<message>'],
    about: [
      'Sends a message into an exported input of a network that runs in the cluster, and prints as JSON what a component has answered (`context.answer`), when all that came of the message has been handled; `null` where none has. With "-" the message is the standard input.',
    ],
    options: {
      id: {
        value: '<id>',
        about:
          'By which the request is known again, for a minute: who asks again with it gets the answer that there is. Default: one of its own.',
      },
      uncommitted: {
        about: 'Of a network that is exactly-once: the answer at once, before it is committed.',
      },
      ...messageOptions,
      ...apiOptions,
      json: { about: 'Print the answer on one line.' },
    },
    examples: [['vertigo request shop orders \'{"id": 7, "item": "pen"}\'', 'Ask, and print the answer.']],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const [network = '', port = '', text = ''] = given.positionals
  const message = messageOf(text === '-' ? await standardInput() : text, given)
  const { ports } = await connect(given)
  const answer = await ports.request(network, {
    port,
    message,
    id: given.text('id'),
    timeoutMs: timeoutMs(given),
    uncommitted: given.flag('uncommitted'),
  })
  process.stdout.write(`${JSON.stringify(answer ?? null, undefined, given.flag('json') ? undefined : 2)}\n`)
  return 0
}

async function standardInput(): Promise<string> {
  const parts: string[] = []
  let length = 0
  for await (const part of process.stdin.setEncoding('utf8') as AsyncIterable<string>) {
    parts.push(part)
    length += part.length
    if (length > 2 * clientTextLengthMax)
      throw new VertigoError(
        'CLIENT_MESSAGE_TOO_LARGE',
        'The standard input is larger than a message may be.',
      )
  }
  return parts.join('')
}
