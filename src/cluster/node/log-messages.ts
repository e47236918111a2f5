import * as v from 'valibot'
import { VertigoError } from '../../base/errors.ts'
import { logLevels, logLinesMax } from '../client/index.ts'
import type { LogPart } from './log-ring.ts'

/** What nodes say to each other about logs. */

export const logMethods = { read: 'logs.read', follow: 'logs.follow' } as const

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const level = v.picklist(logLevels)
const filter = v.object({
  component: v.optional(v.string()),
  level: v.optional(level),
  sinceMs: v.optional(v.number()),
})
const position = v.object({ epoch: v.string(), number: count })

const readSchema = v.object({
  network: v.string(),
  filter,
  linesMax: v.pipe(count, v.minValue(1), v.maxValue(logLinesMax)),
  bytesMax: count,
})
const followSchema = v.object({ network: v.string(), filter, after: v.optional(position) })

const line = v.object({
  timeMs: v.number(),
  level,
  message: v.string(),
  component: v.optional(v.string()),
  instance: v.optional(v.number()),
  details: v.optional(v.unknown()),
  rejected: v.optional(v.object({ port: v.string(), message: v.unknown(), code: v.optional(v.string()) })),
})
const partSchema = v.object({ lines: v.array(line), lost: count, position })

export type ReadRequest = v.InferOutput<typeof readSchema>

export const asReadRequest = (body: unknown): ReadRequest => checked(readSchema, body)
export const asFollowRequest = (body: unknown): v.InferOutput<typeof followSchema> =>
  checked(followSchema, body)
/** Null: that node has nothing. */
export const asPart = (body: unknown): LogPart | undefined =>
  checked(v.nullable(partSchema), body) ?? undefined

function checked<S extends v.GenericSchema>(schema: S, body: unknown): v.InferOutput<S> {
  const parsed = v.safeParse(schema, body)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  throw new VertigoError(
    'CALL_INVALID',
    `what another node says of logs cannot be understood: ${v.getDotPath(issue) ?? ''} ${issue.message}`,
  )
}
