import { errorText, object } from './schemas.ts'
import type { JsonSchema } from './route.ts'

/** What the API says of snapshots. */

const text = { type: 'string' } as const
const whole = { type: 'integer', minimum: 0 } as const
const time = { type: 'number', description: 'Milliseconds since 1970.' } as const
const yes = { type: 'boolean' } as const

/** Answers may get fields. */
function open(
  properties: Readonly<Record<string, JsonSchema>>,
  optional: readonly string[] = [],
): JsonSchema {
  const { additionalProperties: _, ...schema } = object(properties, { optional })
  return schema
}

const copy = open({ component: text, index: whole })

export const snapshot = open(
  {
    id: whole,
    incarnation: { ...whole, description: 'Of the numbers: another one where they begin anew.' },
    generation: whole,
    version: { ...whole, description: 'Of the network. 0: it was taken elsewhere.' },
    predecessor: { type: ['integer', 'null'], description: 'The one whose files it may refer to.' },
    committedAtMs: time,
    tookMs: { type: 'number', description: 'From the first barrier to the commit.' },
    bytes: { ...whole, description: 'Of all files that it refers to.' },
    manifest: open({ name: text, bytes: whole, checksum: whole }),
    finished: { type: 'array', items: copy, description: 'They had handled all there was.' },
    hasChannelState: { ...yes, description: 'Messages that were on their way are in it.' },
    isLast: { ...yes, description: 'It was taken when the network was to stop.' },
    isCurrent: { ...yes, description: 'A failure would go back to it.' },
    isPartial: { ...yes, description: 'It comes from elsewhere, and not all of it is there yet.' },
    names: { type: 'array', items: text, description: 'Under which it is kept.' },
    storage: { ...text, description: 'Address that the network gave. Absent: the default of the cluster.' },
    components: {
      type: 'array',
      items: open({
        component: text,
        instances: whole,
        hasState: yes,
        hasKeyedState: yes,
        hasChannelState: yes,
      }),
    },
  },
  ['storage', 'components', 'isPartial'],
)

export const aborted = open(
  {
    id: whole,
    generation: whole,
    atMs: time,
    isLast: yes,
    code: text,
    reason: text,
    remedy: text,
    sinceMs: { ...time, description: 'Since when each has come to nothing.' },
    times: whole,
  },
  ['remedy', 'sinceMs', 'times'],
)

export const snapshots = open(
  {
    snapshots: { type: 'array', items: snapshot, description: 'Newest first.' },
    aborted: { ...aborted, description: 'The last one that came to nothing.' },
    wanted: { type: 'array', items: text, description: 'Names under which one is wanted.' },
    damaged: {
      type: 'array',
      items: open(
        {
          record: { type: 'string', enum: ['last', 'kept'] },
          id: { ...whole, description: 'Of one that is kept.' },
          error: errorText,
        },
        ['id'],
      ),
      description:
        'Records that cannot be read, with the way out. `last`: that of the one that a failure would go back to; then none is `isCurrent`.',
    },
  },
  ['aborted', 'damaged'],
)

export const wantBody = object(
  {
    name: {
      ...text,
      description:
        'Under which it is kept until removed: letters, digits, ".", "_" and "-", beginning with a letter, 100 at most.',
    },
    replace: { ...yes, description: 'An older one that has the name loses it. Default: it is refused.' },
  },
  { optional: ['replace'] },
)
export const wanted = open({ name: text })

const file = open(
  {
    name: text,
    kind: text,
    bytes: whole,
    checksum: whole,
    until: whole,
    inline: {
      ...text,
      description:
        'The content in base64, where it is small: it is in the manifest, and need be neither fetched nor sent.',
    },
  },
  ['inline'],
)
const part = open({
  component: text,
  instance: whole,
  instances: whole,
  isFinished: yes,
  hasChannelState: yes,
  keyGroups: { type: ['array', 'null'], items: whole, description: 'The first and the last.' },
  stateVersion: whole,
  files: { type: 'array', items: file },
})
export const content = open({
  snapshot,
  manifest: open({
    network: text,
    incarnation: whole,
    generation: whole,
    id: whole,
    predecessor: { type: ['integer', 'null'] },
    instances: { type: 'array', items: part },
  }),
})

export const fileQuery = object({ name: { type: 'string', minLength: 1, maxLength: 512 } })
export const bytes = { type: 'string', format: 'binary' } as const
export const importBody = object(
  {
    storage: { ...text, description: 'Where it is to be. Default: where the cluster keeps snapshots.' },
    snapshot: { type: 'object', description: 'As `showSnapshot` answers it.' },
    manifest: { type: 'object', description: 'As `snapshotContent` answers it.' },
  },
  { optional: ['storage'] },
)
export const imported = open({
  name: { ...text, description: 'By which it is kept.' },
  id: whole,
  isPartial: { ...yes, description: 'Whether files of it have to be sent.' },
})
