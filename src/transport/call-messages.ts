import { errorCodes } from '../base/error-codes.ts'
import { type ErrorData, errorToData, VertigoError } from '../base/errors.ts'
import { isRecord } from '../base/values.ts'

/**
 * What two nodes say to each other over a control link: JSON, one message in a frame. Either side calls the other one; ids
 * are the caller's.
 */
export type CallMessage =
  | {
      readonly type: 'request'
      readonly id: number
      readonly method: string
      readonly body?: unknown
      readonly timeoutMs: number
    }
  | { readonly type: 'answer'; readonly id: number; readonly body?: unknown }
  /** Nobody answers a hint, and it may be dropped. */
  | { readonly type: 'hint'; readonly method: string; readonly body?: unknown }
  | {
      readonly type: 'open'
      readonly id: number
      readonly method: string
      readonly body?: unknown
      readonly credit: number
    }
  | { readonly type: 'item'; readonly id: number; readonly body?: unknown }
  | { readonly type: 'end'; readonly id: number }
  /** Ends a request or a stream. */
  | { readonly type: 'error'; readonly id: number; readonly error: ErrorData }
  /** More items of a stream may come. */
  | { readonly type: 'credit'; readonly id: number; readonly credit: number }
  /** The caller does not want the answer, or more items, any more. */
  | { readonly type: 'cancel'; readonly id: number }

export interface CallLimits {
  /** Bytes of one message, both ways. */
  readonly messageBytesMax: number
  /** Calls and streams of one side that are not over. */
  readonly callsMax: number
  /** Items of a stream that may come before one is taken. */
  readonly streamItemsMax: number
}

export const defaultCallLimits: CallLimits = {
  messageBytesMax: 4 * 1024 * 1024,
  callsMax: 1_024,
  streamItemsMax: 64,
}

const encoder = new TextEncoder()

/** Errors: CALL_LIMIT for a message that is too large, CALL_INVALID for one that JSON cannot hold. */
export function encodeMessage(message: CallMessage, bytesMax: number): Uint8Array {
  let text: string
  try {
    text = JSON.stringify(message)
  } catch (error) {
    throw new VertigoError('CALL_INVALID', 'a message to another node is not what JSON can hold', {
      cause: error,
    })
  }
  const bytes = encoder.encode(text)
  if (bytes.length <= bytesMax) return bytes
  throw tooLarge(bytes.length, bytesMax)
}

/** An error as a message; where it is too large to travel, the fact that it is. */
export function encodeError(id: number, thrown: unknown, bytesMax: number): Uint8Array {
  try {
    return encodeMessage({ type: 'error', id, error: errorToData(thrown) }, bytesMax)
  } catch (error) {
    return encodeMessage({ type: 'error', id, error: errorToData(error) }, Number.POSITIVE_INFINITY)
  }
}

/** Errors: CALL_INVALID, CALL_LIMIT. */
export function decodeMessage(frame: Uint8Array, bytesMax: number): CallMessage {
  if (frame.length > bytesMax) throw tooLarge(frame.length, bytesMax)
  let message: unknown
  try {
    message = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(frame)) as unknown
  } catch (error) {
    throw new VertigoError('CALL_INVALID', 'a message of another node is no JSON', { cause: error })
  }
  if (isCallMessage(message)) return message
  throw new VertigoError('CALL_INVALID', 'a message of another node is not one of this protocol')
}

function tooLarge(bytes: number, bytesMax: number): VertigoError {
  const text = `a message between nodes takes ${bytes} bytes; at most ${bytesMax} are allowed (messageBytesMax)`
  return new VertigoError('CALL_LIMIT', text)
}

function isCallMessage(value: unknown): value is CallMessage {
  if (!isRecord(value)) return false
  const { type, id, method, timeoutMs, credit, error } = value
  const hasId = isCount(id)
  switch (type) {
    case 'request':
      return hasId && typeof method === 'string' && isCount(timeoutMs)
    case 'open':
      return hasId && typeof method === 'string' && isCount(credit)
    case 'hint':
      return typeof method === 'string'
    case 'error':
      return hasId && isErrorData(error, 0)
    case 'credit':
      return hasId && isCount(credit)
    case 'answer':
    case 'item':
    case 'end':
    case 'cancel':
      return hasId
    default:
      return false
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** Errors within errors that are read. */
const errorDepthMax = 20

function isErrorData(value: unknown, depth: number): value is ErrorData {
  if (!isRecord(value) || depth > errorDepthMax) return false
  const { name, message, stack, code, place, remedy, cause, faults, errors } = value
  const isInner = (each: unknown): boolean => isErrorData(each, depth + 1)
  return (
    typeof name === 'string' &&
    typeof message === 'string' &&
    isOptionalText(stack) &&
    isOptionalText(code) &&
    isOptionalText(remedy) &&
    (place === undefined || isRecord(place)) &&
    (cause === undefined || isInner(cause)) &&
    [faults, errors].every((list) => list === undefined || (Array.isArray(list) && list.every(isInner)))
  )
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}

/** Without codes that only a newer version knows: they stand in the message then. */
export function knownError(data: ErrorData): ErrorData {
  const { code, cause, faults, errors, ...rest } = data
  const isKnown = code === undefined || Object.hasOwn(errorCodes, code)
  return {
    ...rest,
    message: isKnown ? rest.message : `${rest.message} (${code})`,
    code: isKnown ? code : 'CALL_INVALID',
    cause: cause === undefined ? undefined : knownError(cause),
    faults: faults?.map(knownError),
    errors: errors?.map(knownError),
  }
}
