import * as v from 'valibot'
import { VertigoError } from '../../../base/errors.ts'
import { positionLengthMax } from '../../../component/client-position.ts'
import { clientTextLengthMax } from '../../../component/client-port.ts'
import { type PortNews, sendTimeoutMsMax } from '../../client/index.ts'
import type { AnswerNews } from './output-line.ts'

/** What nodes say to each other about exported ports. */

export const portMethods = { send: 'ports.send', read: 'ports.read', answer: 'ports.answer' } as const

const text = v.pipe(v.string(), v.maxLength(clientTextLengthMax))
const sendSchema = v.object({
  network: v.string(),
  port: v.string(),
  text,
  timeoutMs: v.pipe(v.number(), v.minValue(0), v.maxValue(sendTimeoutMsMax)),
})
const position = v.optional(v.pipe(v.string(), v.maxLength(positionLengthMax)))
const uncommitted = v.optional(v.boolean())
const readSchema = v.object({ network: v.string(), port: v.string(), after: position, uncommitted })
const answerSchema = v.object({
  network: v.string(),
  port: v.string(),
  field: v.string(),
  value: v.string(),
  after: position,
  uncommitted,
})

export type SendCall = v.InferOutput<typeof sendSchema>
export type ReadCall = v.InferOutput<typeof readSchema>
export type AnswerCall = v.InferOutput<typeof answerSchema>

const portNews = v.variant('type', [
  v.object({ type: v.literal('reading'), at: position, missed: v.optional(v.boolean()) }),
  v.object({ type: v.literal('messages'), texts: v.array(v.string()), at: position }),
])
const answerNews = v.variant('type', [
  v.object({ type: v.literal('awaiting'), at: position }),
  v.object({ type: v.literal('answer'), text: v.string() }),
])

export const asSendCall = (body: unknown): SendCall => checked(sendSchema, body)
export const asReadCall = (body: unknown): ReadCall => checked(readSchema, body)
export const asAnswerCall = (body: unknown): AnswerCall => checked(answerSchema, body)
export const asPortNews = (body: unknown): PortNews => checked(portNews, body)
export const asAnswerNews = (body: unknown): AnswerNews => checked(answerNews, body)

function checked<S extends v.GenericSchema>(schema: S, body: unknown): v.InferOutput<S> {
  const parsed = v.safeParse(schema, body)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  throw new VertigoError(
    'CALL_INVALID',
    `what another node says of exported ports cannot be understood: ${v.getDotPath(issue) ?? ''} ${issue.message}`,
  )
}
