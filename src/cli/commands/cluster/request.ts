import { VertigoError } from '../../../base/errors.ts'
import { clientTextLengthMax } from '../../../component/client-port.ts'
import { type Arguments, usage } from '../../arguments.ts'
import { apiOptions, connect } from '../../cluster/connect.ts'
import { messageOf, messageOptions, timeoutMs } from '../../cluster/messages.ts'
import type { Command } from '../../command.ts'

export const requestCommand: Command = {
  spec: {
    name: 'request',
    arguments: ['<network>', '<port>', '<message>'],
    about: [
      'Sends a message into an exported input of a network that runs in the cluster, and prints the answer as JSON: the first message of another port that has the same value in the field --correlate. With "-" the message is the standard input.',
    ],
    options: {
      answer: { value: '<port>', about: 'The exported output that gives the answer.' },
      correlate: {
        value: '<field>',
        about: 'The field of message and answer that tells whose it is: a text or number. Default `id`.',
      },
      uncommitted: {
        about: 'Of a network that is exactly-once: the answer at once, before it is committed.',
      },
      timeout: messageOptions.timeout,
      ...apiOptions,
      json: { about: 'Print the answer on one line.' },
    },
    examples: [
      [
        'vertigo request shop orders \'{"id": 7, "item": "pen"}\' --answer invoices',
        'Ask, and print the answer.',
      ],
    ],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const [network = '', port = '', text = ''] = given.positionals
  const answerPort = given.text('answer')
  if (answerPort === undefined) throw usage('`vertigo request` needs --answer <port>.')
  const message = messageOf(text === '-' ? await standardInput() : text, given)
  const { ports } = await connect(given)
  const answer = await ports.request(network, {
    port,
    message,
    answerPort,
    correlate: given.text('correlate') ?? 'id',
    timeoutMs: timeoutMs(given),
    uncommitted: given.flag('uncommitted'),
  })
  process.stdout.write(`${JSON.stringify(answer, undefined, given.flag('json') ? undefined : 2)}\n`)
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
