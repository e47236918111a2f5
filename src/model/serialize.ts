import { stringify } from 'yaml'
import type { Json, Network } from './network.ts'
import { networkSchema, type Schema } from './schema.ts'

/** A network as JSON text with two spaces of indentation. Fields stand in the order of the schema; `parseNetwork` gives the same network back. */
export function toJson(network: Network): string {
  return `${JSON.stringify(ordered(network as unknown as Json, networkSchema), null, 2)}\n`
}

/** A network as YAML text; connections, initial packets and selectors on a line each. `parseNetwork` gives the same network back. */
export function toYaml(network: Network): string {
  const document = ordered(network as unknown as Json, networkSchema)
  // Text that repeats is written out: anchors are hard to read, and refused beyond a bound.
  return stringify(document, { aliasDuplicateObjects: false, lineWidth: 110, version: '1.2' })
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
