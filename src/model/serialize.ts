import { Document, isCollection, isSeq } from 'yaml'
import type { Json, Network } from './network.ts'
import type { Schema } from './json-schema.ts'
import { networkSchema } from './schema.ts'

/** A network as JSON text with two spaces of indentation. Fields stand in the order of the schema; `parseNetwork` gives the same network back. */
export function toJson(network: Network): string {
  return `${JSON.stringify(ordered(network as unknown as Json, networkSchema), null, 2)}\n`
}

/** A network as YAML text, with each connection and initial packet on a line of its own. `parseNetwork` gives the same network back. */
export function toYaml(network: Network): string {
  // Text that repeats is written out: anchors are hard to read, and refused beyond a bound.
  const document = new Document(ordered(network as unknown as Json, networkSchema), {
    aliasDuplicateObjects: false,
  })
  for (const list of ['connections', 'initial']) {
    const items = document.get(list)
    if (isSeq(items)) for (const item of items.items) if (isCollection(item)) item.flow = true
  }
  return document.toString({ lineWidth: 110 })
}

/** The fields of what the schema describes in its order, others (names of components, configuration) in their own; absent fields left out. */
function ordered(value: Json, reference: Schema): Json {
  const schema =
    reference.$ref === undefined ? reference : networkSchema.$defs![reference.$ref.slice('#/$defs/'.length)]!
  if (Array.isArray(value)) return value.map((item) => ordered(item as Json, schema.items ?? {}))
  if (typeof value !== 'object' || value === null) return value
  const fields = value as { readonly [name: string]: Json | undefined }
  const known = schema.properties ?? {}
  const names = [
    ...Object.keys(known).filter((name) => Object.hasOwn(fields, name)),
    ...Object.keys(fields).filter((name) => !Object.hasOwn(known, name)),
  ]
  const rest = schema.additionalProperties === false ? {} : (schema.additionalProperties ?? {})
  return Object.fromEntries(
    names.flatMap((name) => {
      const field = fields[name]
      return field === undefined ? [] : [[name, ordered(field, known[name] ?? rest)]]
    }),
  )
}
