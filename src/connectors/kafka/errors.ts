import type { ErrorCode } from '../../base/error-codes.ts'
import { asError, innerErrors, isVertigoError, VertigoError } from '../../base/errors.ts'

/** What was being done, for the error that says so. */
export interface Use {
  readonly component: string
  /** Such as `the topic "words"`. */
  readonly what: string
}

/** An error of the client: with a code of its own, and, where a broker has said it, the name that Kafka's protocol has for it. */
interface ClientFault extends Error {
  readonly code?: string
  readonly apiId?: string
  readonly canRetry?: boolean
}

/** By the names of the protocol. */
const codeOf: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  TOPIC_AUTHORIZATION_FAILED: ['SERVER_REFUSED', 'Kafka does not allow the use of'],
  GROUP_AUTHORIZATION_FAILED: ['SERVER_REFUSED', 'Kafka does not allow the use of'],
  CLUSTER_AUTHORIZATION_FAILED: ['SERVER_REFUSED', 'Kafka does not allow what is needed for'],
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: ['SERVER_REFUSED', 'Kafka does not allow transactions for'],
  SASL_AUTHENTICATION_FAILED: ['SERVER_REFUSED', 'Kafka does not know user or password for'],
  OFFSET_OUT_OF_RANGE: ['SOURCE_POSITION_LOST', 'what was to be read next is not there any more in'],
  UNKNOWN_TOPIC_ID: ['SOURCE_POSITION_LOST', 'somebody has deleted, or made anew,'],
  INCONSISTENT_TOPIC_ID: ['SOURCE_POSITION_LOST', 'somebody has deleted, or made anew,'],
  MESSAGE_TOO_LARGE: ['SINK_REFUSED', 'a message is too large for'],
  RECORD_LIST_TOO_LARGE: ['SINK_REFUSED', 'a message is too large for'],
  INVALID_RECORD: ['SINK_REFUSED', 'Kafka refuses a message for'],
  INVALID_TIMESTAMP: ['SINK_REFUSED', 'Kafka refuses a message for'],
  POLICY_VIOLATION: ['SINK_REFUSED', 'Kafka has a policy against what is needed for'],
  INVALID_TRANSACTION_TIMEOUT: ['TARGET_UNFIT', 'the brokers do not allow such a `transactionTimeoutMs` for'],
  INVALID_PRODUCER_EPOCH: ['SINK_FENCED', 'another instance has taken over the writing to'],
  PRODUCER_FENCED: ['SINK_FENCED', 'another instance has taken over the writing to'],
  INVALID_TXN_STATE: ['SINK_FENCED', 'the transaction was ended by somebody else, in writing to'],
  INVALID_PRODUCER_ID_MAPPING: ['SINK_FENCED', 'the brokers do not know the writer any more, in writing to'],
  UNKNOWN_PRODUCER_ID: ['SINK_FENCED', 'the brokers do not know the writer any more, in writing to'],
}

/** Of the client, without any word of a broker. */
const connectionCodes: ReadonlySet<string> = new Set([
  'PLT_KFK_NETWORK',
  'PLT_KFK_TIMEOUT',
  'PLT_KFK_MULTIPLE',
])

/** An error of the client or of a broker, as what it means here. */
export function kafkaError(thrown: unknown, { component, what }: Use): VertigoError {
  const cause = asError(thrown)
  if (isVertigoError(cause)) return cause
  const all = allOf(cause)
  const known = all.find(({ apiId }) => apiId !== undefined && Object.hasOwn(codeOf, apiId))
  const fault = (code: ErrorCode, text: string, said: ClientFault): VertigoError =>
    new VertigoError(code, `${component}: ${text} ${what}: ${said.message}.`, { cause, place: { component } })
  if (known !== undefined) return fault(...codeOf[known.apiId!]!, known)
  const refused = all.find(({ code }) => code === 'PLT_KFK_AUTHENTICATION')
  if (refused !== undefined)
    return fault('SERVER_REFUSED', 'Kafka does not know user or password for', refused)
  const said = all.find(({ apiId }) => apiId !== undefined)
  if (said !== undefined)
    return said.canRetry === true
      ? fault('SERVER_UNREACHABLE', 'Kafka cannot at the moment, for', said)
      : fault('SERVER_REFUSED', 'Kafka refuses', said)
  const lost = all.find(({ code }) => code !== undefined && connectionCodes.has(code))
  const first = all.find(({ code }) => code !== 'PLT_KFK_MULTIPLE') ?? cause
  return lost === undefined
    ? fault('SERVER_REFUSED', 'the client of Kafka refuses', first)
    : fault('SERVER_UNREACHABLE', 'the brokers do not answer, for', first)
}

/** Whether a broker has said this, anywhere in the error. */
export function saysOf(thrown: unknown, ...names: readonly string[]): boolean {
  return allOf(asError(thrown)).some(({ apiId }) => apiId !== undefined && names.includes(apiId))
}

const depthMax = 8

function allOf(error: ClientFault, depth = 0): readonly ClientFault[] {
  if (depth > depthMax) return []
  const inner = innerErrors(error).map(asError)
  const cause = error.cause instanceof Error ? [error.cause] : []
  return [error, ...[...inner, ...cause].flatMap((each) => allOf(each, depth + 1))]
}
