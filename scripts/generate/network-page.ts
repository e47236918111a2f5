import { type Generator, generatedFrom } from './generator.ts'
import { type Schema, type Section, sectionsOf } from './json-schema.ts'
import { code, table } from './markdown.ts'
import { networkSchema, networkSchemaText } from './network-schema.ts'

/** `docs/reference/network.md`: every field of a network's file. */
export const networkPage: Generator = {
  path: 'docs/reference/network.md',
  needs: networkSchema.needs,
  async make() {
    const schema = JSON.parse(await networkSchemaText()) as Schema
    return [
      generatedFrom('src/model/schema.ts'),
      "# Fields of a network's file\n",
      'A network is written as YAML or JSON with these fields; the same as a JSON Schema is in',
      '[schema/network.json](../../schema/network.json).\n',
      ...sectionsOf(schema).map(show),
    ].join('\n')
  },
}

function show({ path, description, fields }: Section): string {
  const rows = fields.map((field) => [
    code(field.name),
    field.type,
    field.required ? 'required' : code(field.default),
    field.description,
  ])
  const text = description === '' ? '' : `${description}\n\n`
  return `## ${path === '' ? 'The network' : code(path)}\n\n${text}${table(['field', 'type', 'default', 'meaning'], rows)}`
}
