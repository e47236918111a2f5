import { logLevels, sendTimeoutMsMax } from '../cluster/client/index.ts'
import { roles } from './access.ts'
import type { JsonSchema } from './route.ts'

/** The JSON of the API, for its validator and its document. */

const text = { type: 'string' } as const
const whole = { type: 'integer', minimum: 0 } as const
const texts = { type: 'array', items: text } as const

export function object(
  properties: Readonly<Record<string, JsonSchema>>,
  {
    optional = [],
    description,
  }: { readonly optional?: readonly string[]; readonly description?: string } = {},
): JsonSchema {
  return {
    type: 'object',
    ...(description !== undefined && { description }),
    properties,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
    additionalProperties: false,
  }
}

/** Bodies are shared by clients of several versions only in what both know: answers may get fields, requests not. */
function answer(
  properties: Readonly<Record<string, JsonSchema>>,
  optional: readonly string[] = [],
): JsonSchema {
  const { additionalProperties: _, ...schema } = object(properties, { optional })
  return schema
}

function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items }
}

const expected = {
  ...whole,
  description: 'Only if this is the current version; 0: only if there is no such network.',
}
const discardState = {
  ...texts,
  maxItems: 1000,
  description: 'Components that begin afresh, whatever the snapshot has of them. Default: none.',
} as const
const name = { type: 'string', minLength: 1, maxLength: 128 } as const

const networkPart = {
  type: 'object',
  description:
    'A network without subnets, in the form of `schema/network.json`, where each component and connection has a `base` and every address is complete.',
} as const

export const deployBody = object(
  {
    part: networkPart,
    kinds: { type: 'object', description: 'What must be known of the kind of each component of the part.' },
    mode: {
      type: 'string',
      enum: ['merge', 'replace'],
      description: 'Whether the part is added to the network, or is the network from now on. Default: merge.',
    },
    bare: { type: 'boolean', description: 'A new network may be without components. Default: false.' },
    alone: {
      type: 'boolean',
      description:
        'The part is a single component and a network of its own: it is not merged into a network that holds anything else. Default: false.',
    },
    from: object(
      {
        snapshot: { ...name, description: 'Its name or number.' },
        acceptDuplicates: {
          type: 'boolean',
          description:
            'It need not be the last one: what has been published since is published again. Default: false.',
        },
      },
      {
        optional: ['acceptDuplicates'],
        description: 'The snapshot of the network that it goes on from.',
      },
    ),
    expected,
    discardState,
  },
  { optional: ['mode', 'bare', 'alone', 'from', 'discardState', 'expected'] },
)

export const undeployPartBody = object({ part: networkPart, expected }, { optional: ['expected'] })
export const scaleBody = object(
  { component: { type: 'string', minLength: 1 }, instances: { type: 'integer' }, expected, discardState },
  { optional: ['expected', 'discardState'] },
)
export const rollbackBody = object(
  { to: { type: 'integer', minimum: 1 }, expected, discardState },
  { optional: ['expected', 'discardState'] },
)

export const configuration = object(
  {
    quorum: {
      type: 'integer',
      minimum: 1,
      description: 'With fewer nodes, nothing new is deployed. Default 1.',
    },
  },
  { optional: ['quorum'] },
)

export const versionMade = answer({ name, version: whole })

export const errorText = answer({ code: text, message: text, component: text, remedy: text, stack: text }, [
  'component',
  'remedy',
  'stack',
])

const instanceFields = {
  component: text,
  index: whole,
  node: text,
  worker: whole,
  state: {
    type: 'string',
    enum: ['starting', 'ready', 'running', 'draining', 'finished', 'failed', 'waiting'],
  },
  reason: text,
  sinceMs: { type: 'number', description: 'Of one that waits for a place: since when.' },
  savedUntilMs: {
    type: 'number',
    description:
      'Of one that waits and has a journal on a node: what it acknowledged later is in that journal only. Watchers are not told of it.',
  },
} as const
const instanceOptional = ['node', 'worker', 'reason', 'sinceMs', 'savedUntilMs']

const statusFields = {
  name,
  state: {
    type: 'string',
    enum: ['deploying', 'running', 'holding', 'waiting', 'failed', 'finished', 'stopping', 'stopped'],
  },
  version: whole,
  generation: whole,
  refused: answer({ version: whole, error: errorText }, ['error']),
  before: {
    ...answer(
      { version: whole, state: { type: 'string', enum: ['stopping', 'stopped'] }, error: errorText },
      ['error'],
    ),
    description:
      'What was undeployed when this version was deployed, and comes to its end before it begins; once it has stopped, only where there is something to know of that.',
  },
  error: errorText,
  failures: listOf(answer({ component: text, count: whole, lastAtMs: { type: 'number' }, error: errorText })),
  snapshots: {
    ...answer(
      {
        last: {
          ...answer({
            id: whole,
            committedAtMs: { type: 'number' },
            tookMs: { type: 'number' },
            bytes: whole,
          }),
          description: 'The last one that was committed. Watchers are not told of it.',
        },
        failing: {
          ...answer({ sinceMs: { type: 'number' }, times: whole, code: text, reason: text, remedy: text }, [
            'remedy',
          ]),
          description: 'Since then each has come to nothing.',
        },
        damaged: {
          ...errorText,
          description: 'The record of the last one cannot be read. The remedy says how the network goes on.',
        },
      },
      ['last', 'failing', 'damaged'],
    ),
    description: 'Of a network that takes them.',
  },
  instances: listOf(answer(instanceFields, instanceOptional)),
} as const

export const status = answer(statusFields, ['refused', 'before', 'error', 'snapshots'])

const missing = {
  ...listOf(answer({ node: text, reason: text })),
  description: 'Nodes that did not answer, and why.',
}

/** With `counters=true` it has the counters, too. */
export const countedStatus = answer(
  {
    ...statusFields,
    instances: listOf(
      answer(
        {
          ...instanceFields,
          counters: answer({
            received: whole,
            sent: whole,
            queued: whole,
            rejected: whole,
            isBlocked: { type: 'boolean' },
          }),
        },
        [...instanceOptional, 'counters'],
      ),
    ),
    metrics: listOf(
      answer({
        node: text,
        component: text,
        name: text,
        type: { type: 'string', enum: ['counter', 'gauge', 'histogram'] },
        value: { description: 'Over the instances on the node: a number; of a histogram its percentiles.' },
      }),
    ),
    missing,
  },
  ['refused', 'before', 'error', 'snapshots', 'metrics', 'missing'],
)

export const summaries = listOf(
  answer(
    {
      name,
      state: {
        type: 'string',
        description:
          'As in the status of a network; "damaged", with the error, where a record of it cannot be read.',
      },
      version: whole,
      generation: whole,
      components: whole,
      instances: whole,
      error: errorText,
    },
    ['error'],
  ),
)

const versionFields = { version: whole, createdAtMs: { type: 'number' }, by: text, change: text } as const
export const versions = listOf(answer({ ...versionFields, components: whole, instances: whole }))
export const definition = answer({
  ...versionFields,
  name,
  flat: networkPart,
  kinds: { type: 'object', description: 'By component.' },
})

export const nodes = listOf(
  answer(
    {
      id: text,
      pid: whole,
      address: text,
      api: text,
      version: text,
      groups: texts,
      labels: { type: 'object', additionalProperties: text },
      workers: whole,
      instances: whole,
      manager: { type: 'boolean' },
      draining: answer({ by: text, atMs: { type: 'number' } }),
      unreached: listOf(answer({ node: text, sinceMs: { type: 'number' }, why: text })),
      joinedAtMs: { type: 'number' },
    },
    ['api', 'draining', 'unreached'],
  ),
)

export const event = answer(
  { number: whole, atMs: { type: 'number' }, type: text, node: text, network: text, text },
  ['node', 'network'],
)
export const events = listOf(event)

export const identity = answer({
  id: text,
  cluster: text,
  version: text,
  caller: answer({ name: text, role: { type: 'string', enum: roles } }),
})
export const health = answer({ ok: { type: 'boolean' } })
export const bundleThere = answer({ there: { type: 'boolean' } })
export const done = answer({ done: { type: 'boolean' } })

/** Refers to itself, so it is a schema of its own in the document. */
export const errorSchema: JsonSchema = {
  $id: 'Error',
  type: 'object',
  required: ['code', 'message', 'remedy', 'place', 'faults'],
  properties: {
    code: { type: 'string', description: 'As in docs/reference/errors.md.' },
    message: text,
    remedy: { type: 'string', description: 'What to do.' },
    place: {
      type: 'object',
      description: 'Where: any of them.',
      properties: {
        file: text,
        line: whole,
        column: whole,
        path: text,
        component: text,
        port: text,
      },
    },
    faults: { type: 'array', items: { $ref: 'Error#' } },
  },
}
export const errorAnswer: JsonSchema = {
  type: 'object',
  required: ['error'],
  properties: { error: { $ref: 'Error#' } },
}

const digits = { type: 'string', pattern: '^[0-9]{1,15}$' } as const
export const versionQuery = object({ version: digits }, { optional: ['version'] })
export const eventsQuery = object({ after: digits, limit: digits }, { optional: ['after', 'limit'] })
export const streamQuery = object({ after: digits }, { optional: ['after'] })
export const statusQuery = object(
  { counters: { type: 'string', enum: ['true', 'false'] } },
  { optional: ['counters'] },
)

const level = { type: 'string', enum: logLevels } as const

export const logsQuery = object(
  {
    component: { type: 'string', minLength: 1, description: 'A component, or a subnet with all in it.' },
    level: { ...level, description: 'This level and those above.' },
    since: { ...digits, description: 'Milliseconds since 1970.' },
    limit: { ...digits, description: 'Of all lines the newest so many. Default 1000, at most 10000.' },
  },
  { optional: ['component', 'level', 'since', 'limit'] },
)

export const logLine = answer(
  {
    node: text,
    timeMs: { type: 'number' },
    level,
    message: text,
    component: text,
    instance: whole,
    details: { description: 'What the component gave with it, as JSON.' },
    rejected: {
      ...answer({ port: text, message: { description: 'The message, as JSON.' }, code: text }, ['code']),
      description: "Of a rejected message; it is in its node's dead-letter file as well.",
    },
  },
  ['component', 'instance', 'details', 'rejected'],
)

export const logPage = answer({
  lines: listOf(logLine),
  dropped: { ...whole, description: 'Lines that nodes had let go: each keeps a bounded number.' },
  missing,
})

const timeoutMs = {
  type: 'integer',
  minimum: 1,
  maximum: sendTimeoutMsMax,
  description: 'How long it may take, in milliseconds. Default 10000.',
} as const

export const sendQuery = object(
  { timeoutMs: { type: 'string', pattern: '^[1-9][0-9]{0,4}$', description: timeoutMs.description } },
  { optional: ['timeoutMs'] },
)
export const readQuery = object(
  {
    uncommitted: {
      enum: ['true', 'false'],
      description:
        'Of a network that is exactly-once: messages at once, before they are committed. After a failure, some may never have been, or come again.',
    },
  },
  { optional: ['uncommitted'] },
)
export const anyMessage: JsonSchema = { description: 'A message: any JSON.' }
/** By the type of the body. */
export const messagesBody: JsonSchema = {
  content: {
    'application/json': { schema: { description: 'A message; or an array of at most 1000 messages.' } },
    'application/x-ndjson': { schema: { description: 'At most 1000 messages, one a line.' } },
  },
}
export const messagesTaken = answer({ taken: whole })
export const requestBody = object(
  {
    port: { type: 'string', minLength: 1, description: 'An exported input.' },
    message: anyMessage,
    id: {
      type: 'string',
      minLength: 1,
      maxLength: 256,
      description:
        'By which the request is known again, for a minute: who asks again gets the answer that there is, and the message is not handled again. Default: one of its own.',
    },
    again: {
      type: 'boolean',
      description:
        'It may have been asked before with this id: where the network keeps no requests, it is refused by REQUEST_LOST, not sent anew.',
    },
    timeoutMs,
    uncommitted: {
      type: 'boolean',
      description: 'Of a network that is exactly-once: the answer at once, before it is committed.',
    },
  },
  { optional: ['id', 'again', 'timeoutMs', 'uncommitted'] },
)
export const requestAnswer = answer({ answer: anyMessage }, ['answer'])
