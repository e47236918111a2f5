import { writeFile } from 'node:fs/promises'
import { asError, VertigoError } from '../../base/errors.ts'
import type { Lossy } from '../../model/fbp-write.ts'
import type { Network } from '../../model/network.ts'
import type { Arguments } from '../arguments.ts'
import type { Command } from '../command.ts'
import { loadInThread } from '../load-in-thread.ts'

export const graphCommand: Command = {
  spec: {
    name: 'graph',
    arguments: ['<network>'],
    about: [
      'Draws a network: its components, connections, constants and exported ports. Subnets stay boxes.',
      'Or writes it for other tools of flow-based programming: as .fbp text, or as an FBP JSON graph. What .fbp text has no words for, such as selectors, is left out, and told on standard error; an FBP JSON graph keeps it as metadata.',
    ],
    options: {
      format: {
        value: '<format>',
        about:
          'mermaid (for Markdown), dot (for Graphviz), svg, fbp or fbp-json. Default: by the ending of --out, else mermaid.',
      },
      out: { value: '<file>', about: 'Write to a file. Default: standard output.' },
    },
    examples: [
      ['vertigo graph network.yaml', 'Mermaid, to be pasted into Markdown.'],
      ['vertigo graph network.yaml --out network.svg', 'A picture.'],
      ['vertigo graph network.yaml --format fbp-json --out graph.json', 'For NoFlo and its tools.'],
    ],
  },
  run,
}

const formats = ['mermaid', 'dot', 'svg', 'fbp', 'fbp-json'] as const
type Format = (typeof formats)[number]

async function run(given: Arguments): Promise<number> {
  const out = given.text('out')
  const format = given.oneOf('format', formats) ?? formatOf(out)
  const text = await drawn(await loadInThread({ task: 'read', file: given.positionals[0]! }), format)
  if (out === undefined) process.stdout.write(text)
  else await write(out, text)
  return 0
}

function formatOf(file: string | undefined): Format {
  if (file?.endsWith('.svg') === true) return 'svg'
  if (file?.endsWith('.fbp') === true) return 'fbp'
  return /\.(dot|gv)$/.test(file ?? '') ? 'dot' : 'mermaid'
}

async function drawn(network: Network, format: Format): Promise<string> {
  switch (format) {
    case 'mermaid':
      return (await import('../../model/render/mermaid.ts')).toMermaid(network)
    case 'dot':
      return (await import('../../model/render/dot.ts')).toDot(network)
    case 'svg':
      return (await import('../../model/render/svg.ts')).toSvg(network)
    case 'fbp':
      return told((await import('../../model/fbp-write.ts')).toFbpText(network))
    case 'fbp-json':
      return told((await import('../../model/fbp-write.ts')).toFbpJson(network))
  }
}

function told({ text, lost }: Lossy): string {
  if (lost.length > 0) process.stderr.write(`left out, for FBP cannot say it: ${lost.join(', ')}\n`)
  return text
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text)
  } catch (cause) {
    const { code } = cause as { readonly code?: string }
    const place = { file }
    if (code === 'EISDIR')
      throw new VertigoError('FILE_IS_DIRECTORY', `${file} is a directory.`, { place, cause })
    if (code === 'ENOENT')
      throw new VertigoError('FILE_NOT_FOUND', `The folder of ${file} does not exist.`, { place, cause })
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new VertigoError('DISK_FULL', `${file} cannot be written: there is no room left.`, {
        place,
        cause,
      })
    throw new VertigoError('FILE_NOT_WRITABLE', `${file} cannot be written: ${asError(cause).message}`, {
      place,
      cause,
    })
  }
}
