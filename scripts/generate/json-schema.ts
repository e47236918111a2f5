/** The parts of JSON Schema that the schema of a network uses. */
export interface Schema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
  readonly pattern?: string
}

export interface Field {
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly default: string
  readonly description: string
}

/** An object of the document: `components.<name>`, with its fields. */
export interface Section {
  /** Empty for the document itself. */
  readonly path: string
  readonly description: string
  readonly fields: readonly Field[]
}

/** Every object that a document of this schema can hold, outer ones first. A schema within itself is named once. */
export function sectionsOf(root: Schema): Section[] {
  const sections: Section[] = []
  const seen = new Set<Schema>()
  const queue: { path: string; schema: Schema }[] = [{ path: '', schema: root }]
  for (const { path, schema: given } of queue) {
    const schema = resolve(given, root)
    if (seen.has(schema)) continue
    seen.add(schema)
    for (const alternative of alternativesOf(schema)) queue.push({ path, schema: alternative })
    if (schema.items !== undefined) queue.push({ path: `${path}[]`, schema: schema.items })
    for (const value of valuesOf(schema)) queue.push({ path: below(path, '<name>'), schema: value })
    const properties = Object.entries(schema.properties ?? {})
    if (properties.length === 0) continue
    const required = new Set(schema.required)
    sections.push({
      path,
      description: given.description ?? schema.description ?? '',
      fields: properties.map(([name, field]) => fieldOf(name, field, required.has(name), root)),
    })
    for (const [name, field] of properties) queue.push({ path: below(path, name), schema: field })
  }
  return sections
}

function fieldOf(name: string, given: Schema, required: boolean, root: Schema): Field {
  const schema = resolve(given, root)
  const byDefault = given.default ?? schema.default
  return {
    name,
    type: typeOf(given, root),
    required,
    default: byDefault === undefined ? '' : JSON.stringify(byDefault),
    description: given.description ?? schema.description ?? '',
  }
}

function typeOf(given: Schema, root: Schema): string {
  const schema = resolve(given, root)
  const alternatives = alternativesOf(schema)
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' or ')
  if (alternatives.length > 0)
    return [...new Set(alternatives.map((alternative) => typeOf(alternative, root)))].join(' or ')
  if (schema.items !== undefined) return `list of ${typeOf(schema.items, root)}`
  const values = valuesOf(schema)
  if (schema.properties === undefined && values.length > 0)
    return `names to ${values.map((value) => typeOf(value, root)).join(' or ')}`
  if (schema.type === undefined) return 'any JSON value'
  const type = [schema.type].flat().join(' or ')
  return [type, ...boundsOf(schema)].join(', ')
}

function boundsOf({ minimum, exclusiveMinimum, maximum }: Schema): string[] {
  return [
    ...(minimum === undefined ? [] : [`at least ${minimum}`]),
    ...(exclusiveMinimum === undefined ? [] : [`more than ${exclusiveMinimum}`]),
    ...(maximum === undefined ? [] : [`at most ${maximum}`]),
  ]
}

function alternativesOf({ anyOf = [], oneOf = [] }: Schema): Schema[] {
  return [...anyOf, ...oneOf]
}

/** Schemas of values under names that the author of the document chooses. */
function valuesOf({ patternProperties = {}, additionalProperties }: Schema): Schema[] {
  const named = Object.values(patternProperties)
  return typeof additionalProperties === 'object' ? [...named, additionalProperties] : named
}

function resolve(schema: Schema, root: Schema): Schema {
  if (schema.$ref === undefined) return schema
  if (schema.$ref === '#') return root
  const name = /^#\/\$defs\/(.+)$/.exec(schema.$ref)?.[1]
  const found = name === undefined ? undefined : root.$defs?.[name]
  if (found === undefined) throw new Error(`the schema has no ${schema.$ref}`)
  return resolve(found, root)
}

function below(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}
