import * as v from 'valibot'
import { VertigoError } from '../../../base/errors.ts'
import { positionLengthMax } from '../../../component/client-position.ts'
import { clientTextLengthMax, requestKeyLengthMax } from '../../../component/client-port.ts'
import { type PortNews, sendTimeoutMsMax } from '../../client/index.ts'

/** What nodes say to each other about exported ports. */

export const portMethods = { send: 'ports.send', request: 'ports.request', read: 'ports.read' } as const

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
const requestSchema = v.object({
  network: v.string(),
  port: v.string(),
  key: v.pipe(v.string(), v.maxLength(requestKeyLengthMax)),
  text,
  timeoutMs: v.pipe(v.number(), v.minValue(0), v.maxValue(sendTimeoutMsMax)),
  again: v.boolean(),
  uncommitted: v.boolean(),
})

export type SendCall = v.InferOutput<typeof sendSchema>
export type ReadCall = v.InferOutput<typeof readSchema>
export type RequestCall = v.InferOutput<typeof requestSchema>

const portNews = v.variant('type', [
  v.object({ type: v.literal('reading'), at: position, missed: v.optional(v.boolean()) }),
  v.object({ type: v.literal('messages'), texts: v.array(v.string()), at: position }),
])
const requestAnswer = v.object({ text: v.optional(v.string()) })

export const asSendCall = (body: unknown): SendCall => checked(sendSchema, body)
export const asReadCall = (body: unknown): ReadCall => checked(readSchema, body)
export const asRequestCall = (body: unknown): RequestCall => checked(requestSchema, body)
export const asPortNews = (body: unknown): PortNews => checked(portNews, body)
export const asRequestAnswer = (body: unknown): { readonly text?: string | undefined } =>
  checked(requestAnswer, body)

function checked<S extends v.GenericSchema>(schema: S, body: unknown): v.InferOutput<S> {
  const parsed = v.safeParse(schema, body)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  throw new VertigoError(
    'CALL_INVALID',
    `what another node says of exported ports cannot be understood: ${v.getDotPath(issue) ?? ''} ${issue.message}`,
  )
}
