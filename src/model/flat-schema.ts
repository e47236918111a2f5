import { nameLengthMax, subnetDepthMax } from './limits.ts'
import type { Schema } from './json-schema.ts'
import { networkSchema } from './schema.ts'

/** Names of components in a flat network have those of the networks around them: `outer/inner`. */
const flatName: Schema = {
  type: 'string',
  pattern: '^(?!__proto__$)[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$',
  maxLength: (nameLengthMax + 1) * (subnetDepthMax + 1),
}
const flatPort: Schema = { type: 'string', pattern: '^[A-Za-z0-9_/-]+\\.[A-Za-z0-9_-]+$' }
const base: Schema = { type: 'string', minLength: 1 }

const { $defs = {}, properties = {} } = networkSchema

/**
 * The form of a flat network (`FlatNetwork`), made from that of networks. It is no file that people write, but crosses
 * processes and machines, where anything may arrive.
 */
export const flatNetworkSchema: Schema = {
  ...networkSchema,
  properties: {
    ...properties,
    components: { ...properties['components'], propertyNames: flatName },
  },
  $defs: {
    ...$defs,
    port: flatPort,
    portNames: { ...$defs['portNames'], additionalProperties: flatPort },
    component: withBase($defs['component']!),
    connection: withBase($defs['connection']!),
  },
}

function withBase(schema: Schema): Schema {
  return {
    ...schema,
    required: [...(schema.required ?? []), 'base'],
    properties: { ...schema.properties, base },
  }
}
