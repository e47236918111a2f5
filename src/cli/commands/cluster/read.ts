import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect } from '../../cluster/connect.ts'
import type { Command } from '../../command.ts'
import { whenOutputCloses, writeOut } from '../../output.ts'

export const readCommand: Command = {
  spec: {
    name: 'read',
    arguments: ['<network>', '<port>'],
    about: [
      'Prints what an exported output of a network that runs in the cluster gives, one message a line, from now on until Ctrl-C, or until the network is at its end.',
      'Texts are printed as they are, all else as JSON. The network goes no faster than this is read; who takes nothing for 5 s is ended by READER_TOO_SLOW. Where the port moves to another node, which is told on standard error, messages may be missing.',
      'Of a network that is exactly-once, it prints what is committed, each message once, whatever fails; where something is missing all the same, that is told.',
    ],
    options: {
      uncommitted: {
        about:
          'Of a network that is exactly-once: at once, before it is committed. After a failure, messages may come again.',
      },
      limit: { value: '<n>', about: 'End after so many messages.' },
      ...apiOptions,
      json: { about: 'Texts as JSON as well, in quotes.' },
    },
    examples: [['vertigo read shop invoices --limit 10', 'Print the next ten messages.']],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const [network = '', port = ''] = given.positionals
  const limit = given.wholeNumber('limit', 1) ?? Infinity
  const { ports } = await connect(given)
  const ended = new AbortController()
  const end = (): void => ended.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end)
  whenOutputCloses(end)
  const line = given.flag('json') ? (text: string) => `${text}\n` : messageLine
  let left = limit
  let isFirst = true
  const uncommitted = given.flag('uncommitted')
  for await (const news of ports.read(network, port, { signal: ended.signal, uncommitted })) {
    if (news.type === 'reading') {
      const moved = news.missed === true ? 'messages are missing' : 'messages may be missing'
      const what = isFirst ? `reading "${port}" of "${network}"` : `the port has moved: ${moved}`
      process.stderr.write(`vertigo: ${what}\n`)
      isFirst = false
      continue
    }
    const texts = news.texts.slice(0, left)
    await writeOut(texts.map(line))
    left -= texts.length
    if (left === 0) break
  }
  return 0
}

function messageLine(text: string): string {
  const message = JSON.parse(text) as unknown
  return `${typeof message === 'string' ? message : text}\n`
}
