import { clusterGuarantee, guarantees } from './guarantee.ts'
import type { Schema } from './json-schema.ts'
import { concurrencyMax, instancesMax, nameLengthMax } from './limits.ts'
import { savingSchemas } from './saving-schema.ts'

/** Names of components and ports. `__proto__` is refused because JavaScript gives it a meaning of its own. */
const namePattern = '^(?!__proto__$)[A-Za-z0-9_-]+$'

/** The form `component.port`. */
export const portReferencePattern = '^[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+$'

const hooks: Schema = { type: 'array', items: { $ref: '#/$defs/module' } }
const selectorNames = ['round-robin', 'random', 'hash', 'fair', 'all'] as const

/**
 * The form of a network's file. It is the one table of fields: the published `schema/network.json` is this value, and
 * the check of a parsed document walks it.
 */
export const networkSchema: Schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://vertigo-flow.dev/schema/network.json',
  title: 'Vertigo network',
  description: 'Components and the connections between their ports.',
  type: 'object',
  required: ['name', 'components', 'connections'],
  additionalProperties: false,
  properties: {
    $schema: { type: 'string', description: 'Address of this schema, for editors. It has no effect.' },
    name: {
      type: 'string',
      pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]*$',
      maxLength: nameLengthMax,
      description: 'Name of the network: letters, digits, "_", "-" and ".", not beginning with "-" or ".".',
    },
    description: { type: 'string', description: 'One sentence for readers.' },
    guarantee: {
      type: 'string',
      enum: [...guarantees],
      default: clusterGuarantee,
      description:
        'What happens to messages when something fails, in a cluster. A run of one process keeps nothing past its end.',
    },
    ...savingSchemas,
    components: {
      type: 'object',
      description: 'The components by name.',
      propertyNames: { $ref: '#/$defs/name' },
      additionalProperties: { $ref: '#/$defs/component' },
    },
    connections: {
      type: 'array',
      description: 'What leads from which output to which input.',
      items: { $ref: '#/$defs/connection' },
    },
    initial: {
      type: 'array',
      description: 'Constants that are sent once, before any source starts.',
      items: { $ref: '#/$defs/initialPacket' },
    },
    exports: {
      type: 'object',
      description: "Ports of components under names of the network's own.",
      additionalProperties: false,
      properties: { inputs: { $ref: '#/$defs/portNames' }, outputs: { $ref: '#/$defs/portNames' } },
    },
    deadLetter: {
      type: 'string',
      minLength: 1,
      description:
        'File that rejected messages go to where a component has no connected error port; JSON lines. Default: <name>.dead-letter.jsonl.',
    },
  },
  $defs: {
    name: {
      type: 'string',
      pattern: namePattern,
      maxLength: nameLengthMax,
      description: 'A name: letters, digits, "_" and "-".',
    },
    port: {
      type: 'string',
      pattern: portReferencePattern,
      description: 'A port: the name of a component, a dot, and the name of its port, such as split.word.',
    },
    portNames: {
      type: 'object',
      description: 'Names of exported ports, each with the port that it stands for.',
      propertyNames: { $ref: '#/$defs/name' },
      additionalProperties: { $ref: '#/$defs/port' },
    },
    module: {
      type: 'string',
      minLength: 1,
      description:
        'A built-in name, a path that begins with ./ or ../ (relative to this file), or a package export; #name picks a named export.',
    },
    component: {
      type: 'object',
      description: 'A component.',
      required: ['kind'],
      additionalProperties: false,
      properties: {
        kind: {
          type: 'string',
          minLength: 1,
          description:
            "What the component is: a built-in name, a path that begins with ./ or ../ (relative to this file), or a package export; #name picks a named export. The path of a network's file makes a subnet.",
        },
        config: {
          type: 'object',
          description: 'The configuration that the kind declares.',
          additionalProperties: {},
        },
        instances: {
          type: 'integer',
          minimum: 1,
          maximum: instancesMax,
          default: 1,
          description: 'Number of copies that share the work.',
        },
        group: {
          type: 'string',
          minLength: 1,
          maxLength: nameLengthMax,
          description: 'Label of the nodes to run on (clusters).',
        },
        placement: { $ref: '#/$defs/placement' },
        concurrency: {
          type: 'integer',
          minimum: 1,
          maximum: concurrencyMax,
          description:
            'Messages that one instance handles at the same time; for asynchronous handlers. Default: what the kind declares, else 1.',
        },
        order: {
          type: 'string',
          enum: ['input', 'completion'],
          default: 'input',
          description: 'Order of the results of concurrent handling.',
        },
        errors: { $ref: '#/$defs/errors' },
        journal: {
          type: 'boolean',
          default: true,
          description:
            'With false, a source that does not rewind has no journal: what it has given may be lost.',
        },
        hooks: { ...hooks, description: 'Modules that observe the component.' },
      },
    },
    placement: {
      type: 'object',
      description: 'On which nodes its copies may run (clusters).',
      additionalProperties: false,
      properties: {
        labels: {
          type: 'object',
          description: 'Labels that a node must have, with these values.',
          propertyNames: { $ref: '#/$defs/name' },
          additionalProperties: { type: 'string', maxLength: nameLengthMax },
        },
        spread: {
          type: 'string',
          enum: ['node'],
          description: 'With node, no two copies are on one node.',
        },
        apart: {
          type: 'array',
          description: 'Components of which no copy may be on the same node; it holds both ways.',
          items: { type: 'string', minLength: 1 },
        },
        files: {
          type: 'string',
          enum: ['shared'],
          description:
            'With shared, the files that its kind reads or writes are the same on all machines; else its copies stay on the machine that has them.',
        },
      },
    },
    errors: {
      description: 'What happens when a handler fails.',
      default: 'fail',
      anyOf: [
        { type: 'string', enum: ['fail', 'reject'] },
        {
          type: 'object',
          required: ['retry'],
          additionalProperties: false,
          properties: {
            retry: {
              type: 'object',
              description: 'Try again with the same message.',
              additionalProperties: false,
              properties: {
                times: {
                  type: 'integer',
                  minimum: 1,
                  maximum: 1_000_000,
                  default: 3,
                  description: 'Attempts after the first.',
                },
                delayMs: {
                  type: 'integer',
                  minimum: 0,
                  maximum: 86_400_000,
                  default: 100,
                  description: 'Milliseconds before the first retry, doubled for each further one.',
                },
                delayMsMax: {
                  type: 'integer',
                  minimum: 0,
                  maximum: 86_400_000,
                  default: 10_000,
                  description: 'Upper bound of the wait in milliseconds.',
                },
              },
            },
            then: {
              type: 'string',
              enum: ['fail', 'reject'],
              default: 'fail',
              description: 'What happens when the last attempt failed.',
            },
          },
        },
      ],
    },
    connection: {
      type: 'object',
      description: 'A connection.',
      required: ['from', 'to'],
      additionalProperties: false,
      properties: {
        from: { $ref: '#/$defs/port', description: 'The output: component.port.' },
        to: { $ref: '#/$defs/port', description: 'The input: component.port.' },
        selector: { $ref: '#/$defs/selector' },
        back: { type: 'boolean', description: 'Declares the connection that closes a cycle.' },
        hooks: {
          type: 'object',
          description: 'Observers of the messages of this connection.',
          additionalProperties: false,
          properties: {
            send: { ...hooks, description: 'Modules that observe at the source.' },
            receive: { ...hooks, description: 'Modules that observe at the target.' },
          },
        },
      },
    },
    selector: {
      description: "How the target's instance is chosen.",
      default: 'round-robin',
      anyOf: [
        { type: 'string', enum: selectorNames },
        {
          type: 'object',
          required: ['type'],
          additionalProperties: false,
          properties: { type: { type: 'string', enum: selectorNames.filter((name) => name !== 'hash') } },
        },
        {
          type: 'object',
          required: ['type'],
          additionalProperties: false,
          properties: {
            type: { type: 'string', enum: ['hash'] },
            key: {
              type: 'string',
              pattern: '^[^.\\s]+(\\.[^.\\s]+)*$',
              description:
                'Path of the key in the message: names joined by dots, such as user.id. Default: the whole message.',
            },
          },
        },
        {
          type: 'object',
          required: ['type', 'kind'],
          additionalProperties: false,
          properties: {
            type: { type: 'string', enum: ['custom'] },
            kind: {
              $ref: '#/$defs/module',
              description: 'Module whose default export chooses; addressed like the kind of a component.',
            },
          },
        },
      ],
    },
    initialPacket: {
      type: 'object',
      description: 'A constant that is sent once.',
      required: ['to', 'value'],
      additionalProperties: false,
      properties: {
        to: { $ref: '#/$defs/port', description: 'The input: component.port.' },
        value: { description: 'Any JSON value.' },
      },
    },
  },
}

export function networkSchemaText(): string {
  return `${JSON.stringify(networkSchema, null, 2)}\n`
}
