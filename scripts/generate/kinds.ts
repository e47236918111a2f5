import { type Generator, generatedFrom } from './generator.ts'
import { code, table } from './markdown.ts'
import { commandLine, vertigo } from './run-vertigo.ts'

/** One kind in what `vertigo kinds --json` prints. */
interface KindData {
  readonly name: string
  readonly role?: string
  readonly description?: string
  readonly inputs?: readonly PortData[]
  readonly outputs?: readonly PortData[]
  readonly config?: readonly FieldData[]
}

type PortData = string | { readonly name: string; readonly description?: string }

interface FieldData {
  readonly name: string
  readonly type?: string
  readonly required?: boolean
  readonly default?: unknown
  readonly description?: string
}

/** `docs/reference/kinds.md`: the built-in kinds. */
export const kindsPage: Generator = {
  path: 'docs/reference/kinds.md',
  needs: [commandLine],
  async make() {
    const kinds = JSON.parse(await vertigo('kinds', '--json')) as readonly KindData[]
    return [
      generatedFrom('what `vertigo kinds --json` prints'),
      '# Built-in kinds\n',
      'A component of a network names one of these as its `kind`; `vertigo kinds` lists them too.\n',
      table(
        ['kind', 'role', 'what it does'],
        kinds.map(({ name, role = 'component', description = '' }) => [
          `[${code(name)}](#${name})`,
          role,
          description,
        ]),
      ),
      ...kinds.map(section),
    ].join('\n')
  },
}

function section({ name, description = '', inputs = [], outputs = [], config = [] }: KindData): string {
  const fields = config.map((field) => [
    code(field.name),
    code(field.type ?? ''),
    field.required === true
      ? 'required'
      : field.default === undefined
        ? ''
        : code(JSON.stringify(field.default)),
    field.description ?? '',
  ])
  return [
    `## ${name}\n`,
    `${description}\n`,
    `Inputs: ${ports(inputs)}. Outputs: ${ports(outputs)}.\n`,
    ...(fields.length === 0 ? [] : [table(['config', 'type', 'default', 'what for'], fields)]),
  ].join('\n')
}

function ports(list: readonly PortData[]): string {
  if (list.length === 0) return 'none'
  return list.map((port) => code(typeof port === 'string' ? port : port.name)).join(', ')
}
