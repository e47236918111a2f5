import type { JsonSchema } from './route.ts'
import { object } from './schemas.ts'

const text = { type: 'string' } as const
const whole = { type: 'integer', minimum: 0 } as const

export const stateQuery = object(
  {
    key: {
      type: 'string',
      minLength: 1,
      maxLength: 4_096,
      description: 'The routing key, as JSON: `"the"`, `7`.',
    },
    snapshot: {
      ...text,
      description: 'Name or number of a snapshot. Default: the last one that was committed.',
    },
  },
  { optional: ['snapshot'] },
)

export const stateReading: JsonSchema = {
  type: 'object',
  required: ['network', 'component', 'key', 'states', 'instance', 'stateVersion', 'snapshot'],
  properties: {
    network: text,
    component: text,
    key: { description: 'As JSON.' },
    states: { type: 'object', description: 'By name, as JSON; maps are lists of pairs.' },
    changedMs: {
      type: 'object',
      description: 'When each changed last, in milliseconds since 1970; where one has a time to live.',
    },
    instance: { ...whole, description: 'Whose key it is.' },
    stateVersion: whole,
    snapshot: {
      type: 'object',
      required: ['id', 'incarnation', 'version', 'committedAtMs', 'ageMs'],
      properties: {
        id: whole,
        incarnation: whole,
        version: { ...whole, description: 'Of the network.' },
        committedAtMs: { type: 'number' },
        ageMs: { type: 'number' },
      },
    },
  },
}
