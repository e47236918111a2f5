import type { Schema } from './json-schema.ts'

/** Of a network's file: how, and where, what it must not lose is kept. */
export const savingSchemas = {
  snapshot: {
    type: 'object',
    description: 'How often the state of the network is saved.',
    additionalProperties: false,
    properties: {
      intervalMs: milliseconds(50, 86_400_000, 1_000, 'Milliseconds from one snapshot to the next.'),
      timeoutMs: milliseconds(
        100,
        86_400_000,
        600_000,
        'Milliseconds after which a snapshot that is not whole is given up.',
      ),
      alignMsMax: milliseconds(
        0,
        86_400_000,
        1_000,
        'Milliseconds after which an instance no longer waits for its inputs to come to a snapshot: what is still on its way to it becomes part of the snapshot. Never more than half of timeoutMs.',
      ),
      keep: {
        type: 'integer',
        minimum: 1,
        maximum: 100,
        default: 3,
        description: 'How many snapshots without a name are kept.',
      },
      inlineBytesMax: {
        type: 'integer',
        minimum: 0,
        maximum: 524_288,
        default: 16_384,
        description:
          'Bytes of state of one instance that are kept in the manifest of a snapshot, in place of files of their own; of all instances together at most 524288. 0: none.',
      },
      readersMs: milliseconds(
        0,
        600_000,
        10_000,
        'Milliseconds that the end of the network, finished or undeployed, waits at most for readers of exported outputs who have not taken what is committed.',
      ),
      storage: {
        type: 'string',
        minLength: 1,
        maxLength: 1_000,
        description: 'Where snapshots are kept: `file:///folder`, or `s3://bucket/prefix`.',
      },
    },
  },
  state: {
    type: 'object',
    description: 'Where keyed state is kept while the network runs.',
    additionalProperties: false,
    properties: {
      backend: {
        type: 'string',
        enum: ['memory', 'lmdb'],
        default: 'memory',
        description:
          'In memory, or in a temporary database on the disk, for state that is larger than memory.',
      },
      cacheBytesMax: {
        type: 'integer',
        minimum: 65_536,
        maximum: 1_099_511_627_776,
        default: 67_108_864,
        description: 'Bytes of rows that one instance keeps in memory, where the backend is `lmdb`.',
      },
    },
  },
  journal: {
    type: 'object',
    description: 'Where what cannot be read again is kept: journals of sources that do not rewind.',
    additionalProperties: false,
    properties: {
      folder: {
        type: 'string',
        minLength: 1,
        maxLength: 1_000,
        description:
          'A folder that all nodes share. Default: one of each node, to which the copy is bound that writes there.',
      },
      bytesMax: {
        type: 'integer',
        minimum: 1_048_576,
        maximum: 1_125_899_906_842_624,
        default: 17_179_869_184,
        description: 'What the journal of one copy may hold, in bytes.',
      },
    },
  },
} satisfies { readonly [field: string]: Schema }

function milliseconds(minimum: number, maximum: number, byDefault: number, description: string): Schema {
  return { type: 'integer', minimum, maximum, default: byDefault, description }
}

/** The text of `schema/network.json`. */
