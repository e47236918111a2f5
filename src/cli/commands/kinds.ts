import { builtInKind, writtenNames } from '../../built-in-kinds.ts'
import { VertigoError } from '../../base/errors.ts'
import { kindDefinition } from '../../component/kind.ts'
import { didYouMean } from '../../base/suggest.ts'
import type { Arguments } from '../arguments.ts'
import type { Command } from '../command.ts'
import { type ConfigField, configFields } from '../config-fields.ts'
import { wrapped } from '../report/text.ts'

export const kindsCommand: Command = {
  spec: {
    name: 'kinds',
    arguments: ['[kind]'],
    about: [
      'Lists the kinds that need no module of yours, with their ports and the fields of their configuration; or one of them.',
    ],
    options: { json: { about: 'Print them as JSON: name, role, description, inputs, outputs, config.' } },
  },
  run,
}

export interface KindDescription {
  readonly name: string
  readonly role: 'source' | 'component' | 'sink'
  readonly description: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly config: readonly ConfigField[]
}

async function run(given: Arguments): Promise<number> {
  const [name] = given.positionals
  const kinds = name === undefined ? await builtInKinds() : [await describe(name)]
  process.stdout.write(given.flag('json') ? `${JSON.stringify(kinds, undefined, 2)}\n` : kindsText(kinds))
  return 0
}

export async function builtInKinds(): Promise<KindDescription[]> {
  return Promise.all(writtenNames.toSorted().map(describe))
}

async function describe(name: string): Promise<KindDescription> {
  const kind = await builtInKind(name)
  if (kind === undefined)
    throw new VertigoError(
      'KIND_UNKNOWN',
      `There is no built-in kind "${name}".${didYouMean(name, writtenNames)}`,
      { remedy: 'See `vertigo kinds` for all of them.' },
    )
  const { role, description = '', inputs, outputs, config } = kindDefinition(kind)
  const ports = { inputs: Object.keys(inputs), outputs: Object.keys(outputs) }
  const isSink = role === 'component' && ports.outputs.length === 0
  return { name, role: isSink ? 'sink' : role, description, ...ports, config: configFields(config) }
}

const headings = [
  ['source', 'Sources'],
  ['component', 'Components'],
  ['sink', 'Sinks'],
] as const

function kindsText(kinds: readonly KindDescription[]): string {
  const width = Math.min(process.stdout.columns ?? 100, 100)
  const sections = headings.flatMap(([role, heading]) => {
    const texts = kinds.filter((kind) => kind.role === role).map((kind) => kindText(kind, width))
    return texts.length === 0 ? [] : [`${heading}:\n${texts.join('\n')}`]
  })
  return `${sections.join('\n\n')}\n`
}

function kindText({ name, description, inputs, outputs, config }: KindDescription, width: number): string {
  const ports = `${inputs.join(', ')} -> ${outputs.join(', ')}`.trim()
  const fields = config.map((field) => {
    const more = field.required
      ? 'required'
      : field.default === undefined
        ? ''
        : `default ${JSON.stringify(field.default)}`
    return `    ${field.name}: ${field.type}${more === '' ? '' : ` (${more})`}`
  })
  return [
    `  ${name}  [${ports}]`,
    ...wrapped(description, width - 4).map((line) => `    ${line}`),
    ...fields,
  ].join('\n')
}
