import * as v from 'valibot'
import { VertigoError } from '../../base/errors.ts'
import type { PartReport, SnapshotBegin } from '../../snapshot/part.ts'

/** What a manager and the nodes say to each other about snapshots. */

export const snapshotMethods = { take: 'snapshots.take' } as const

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

const takeSchema = v.object({
  network: v.string(),
  begin: v.object({
    type: v.literal('begin'),
    generation: count,
    snapshot: count,
    incarnation: count,
    predecessor: v.nullable(count),
    isAligned: v.boolean(),
    alignMsMax: v.nullable(v.number()),
    isWhole: v.exactOptional(v.boolean()),
    // Who knows no such files is asked for none: what is not known is left out.
    inlineBytesMax: v.exactOptional(count),
  }),
})

const file = v.object({
  name: v.string(),
  kind: v.picklist(['full', 'increment']),
  bytes: count,
  checksum: count,
  until: count,
  inline: v.exactOptional(v.string()),
})
const state = v.object({
  name: v.string(),
  type: v.picklist(['value', 'map', 'list']),
  scope: v.picklist(['keyed', 'instance']),
  hasTtl: v.boolean(),
})
const part = v.object({
  component: v.string(),
  instance: count,
  instances: count,
  isFinished: v.boolean(),
  hasChannelState: v.boolean(),
  keyGroups: v.nullable(v.tuple([count, count])),
  stateVersion: count,
  states: v.exactOptional(v.array(state)),
  files: v.array(file),
})
const about = { generation: count, snapshot: count, instance: count }
const errorData = v.custom<Extract<PartReport, { type: 'part-failed' }>['error']>(
  (value) => typeof value === 'object' && value !== null && 'message' in value,
  'is not an error',
)
const reportSchema: v.GenericSchema<unknown, PartReport> = v.variant('type', [
  v.object({
    type: v.literal('part-stored'),
    ...about,
    part,
    alignedMs: v.number(),
    storedMs: v.number(),
  }),
  v.object({ type: v.literal('part-failed'), ...about, error: errorData }),
  v.object({ type: v.literal('part-late'), ...about, waitsFor: v.string() }),
])

export interface TakeRequest {
  readonly network: string
  readonly begin: SnapshotBegin
}

/** Errors: CALL_INVALID. */
export const asTakeRequest = (body: unknown): TakeRequest => checked(takeSchema, body)
/** Errors: CALL_INVALID. */
export const asPartReport = (body: unknown): PartReport => checked(reportSchema, body)

function checked<S extends v.GenericSchema>(schema: S, body: unknown): v.InferOutput<S> {
  const parsed = v.safeParse(schema, body)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  throw new VertigoError(
    'CALL_INVALID',
    `what another node says of snapshots cannot be understood: ${v.getDotPath(issue) ?? ''} ${issue.message}`,
  )
}
