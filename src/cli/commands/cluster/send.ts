import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect, printJson } from '../../cluster/connect.ts'
import { lineBatches, messageOf, messageOptions, timeoutMs } from '../../cluster/messages.ts'
import type { Command } from '../../command.ts'

export const sendCommand: Command = {
  spec: {
    name: 'send',
    arguments: ['<network>', '<port>', '[message]'],
    about: [
      'Sends a message into an exported input of a network that runs in the cluster, and waits until the network has taken it. Without a message, or with "-", each line of the standard input is one, as soon as it comes.',
      'Messages are JSON. Lines that come together are taken together or not at all. Where sending fails, the number of messages that were taken before is told on standard error.',
    ],
    options: { ...messageOptions, ...apiOptions, json: { about: 'Print the result as JSON: taken.' } },
    examples: [
      ['vertigo send shop orders \'{"id": 1}\'', 'Send one message.'],
      ['vertigo send shop orders < orders.jsonl', 'Send a file of messages, one a line.'],
    ],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const [network = '', port = '', message] = given.positionals
  const options = { timeoutMs: timeoutMs(given) }
  const { ports } = await connect(given)
  let taken = 0
  if (message !== undefined && message !== '-') {
    await ports.send(network, port, [messageOf(message, given)], options)
    taken = 1
  } else {
    try {
      for await (const lines of lineBatches(process.stdin.setEncoding('utf8') as AsyncIterable<string>)) {
        const messages = lines.map((line) => messageOf(line, given))
        await ports.send(network, port, messages, options)
        taken += messages.length
      }
    } catch (error) {
      process.stderr.write(`vertigo: ${taken} messages were taken before\n`)
      throw error
    } finally {
      // An open terminal or pipe would keep the process alive.
      process.stdin.destroy()
    }
  }
  if (given.flag('json')) printJson({ taken })
  else process.stdout.write(`${taken} ${taken === 1 ? 'message was' : 'messages were'} taken\n`)
  return 0
}
