import { type ErrorCode, errorCodes } from '../../base/error-codes.ts'
import { VertigoError } from '../../base/errors.ts'
import { isRecord } from '../../base/values.ts'
import { joined } from './bytes.ts'

/**
 * The handshake: one message each way, a magic text, a length of 16 bits, and JSON. Its form is the same in all versions
 * of the protocol, so that any two can tell each other which ones they speak.
 *
 * The dialler says `hello`; the listener answers with a `welcome`, which holds its own hello and the version chosen, or
 * refuses with a code and a sentence. Fields that are not known are ignored.
 */

/** Versions of what comes after the handshake. */
export interface Versions {
  readonly min: number
  readonly max: number
}

export const versionsSpoken: Versions = { min: 1, max: 1 }

/** Who is at an end: a worker of a network, or a node itself. */
export interface Identity {
  readonly node: string
  /** Null on a control connection between nodes. */
  readonly worker: number | null
}

export interface Hello {
  readonly versions: Versions
  readonly cluster: string
  /** Null on a control connection between nodes. */
  readonly network: string | null
  readonly from: Identity
  readonly to: Identity
  /** Of the sender's plan; 0 on a control connection. */
  readonly generation: number
  /** Made at random with the sender's end of the link: the one who remembers what was sent and received. */
  readonly end: string
  /** The end that the sender has met before; null where it has met none. */
  readonly peerEnd: string | null
  /** Counts the lines that this end has dialled; a line that comes late is known by it. */
  readonly attempt: number
  /** Number of the last frame that the sender has received. */
  readonly received: number
}

export interface Refusal {
  readonly code: ErrorCode
  readonly message: string
}

export type Answer =
  | { readonly type: 'welcome'; readonly hello: Hello; readonly version: number }
  | { readonly type: 'refused'; readonly refusal: Refusal }

const magic = new Uint8Array([0x56, 0x45, 0x52, 0x54, 0x49, 0x47, 0x4f, 0x0a]) // 'VERTIGO\n'
const headBytes = magic.length + 2
const textLengthMax = 500
const messageLengthMax = 2_000

export const helloBytes = (hello: Hello): Uint8Array => framed({ hello })

export function answerBytes(answer: Answer): Uint8Array {
  if (answer.type === 'welcome') return framed({ hello: answer.hello, version: answer.version })
  const { code, message } = answer.refusal
  return framed({ refused: { code, message: message.slice(0, messageLengthMax) } })
}

function framed(value: unknown): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(value))
  if (json.length > 0xffff) throw new VertigoError('INTERNAL', `a handshake of ${json.length} bytes`)
  return joined(
    [magic, new Uint8Array([json.length & 0xff, json.length >>> 8]), json],
    headBytes + json.length,
  )
}

/** Gathers one message of a handshake; gives it with what came behind it. */
export class HandshakeReader {
  readonly #bytesMax: number
  #bytes: Uint8Array = new Uint8Array()

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Undefined until all has come. Errors: LINK_HANDSHAKE_INVALID, at the first byte that does not fit. */
  push(bytes: Uint8Array): { readonly message: unknown; readonly rest: Uint8Array } | undefined {
    this.#bytes =
      this.#bytes.length === 0 ? bytes : joined([this.#bytes, bytes], this.#bytes.length + bytes.length)
    for (let i = 0; i < Math.min(magic.length, this.#bytes.length); i++) {
      if (this.#bytes[i] !== magic[i]) throw invalid('bytes that are no handshake')
    }
    if (this.#bytes.length < headBytes) return undefined
    const end = headBytes + (this.#bytes[magic.length]! | (this.#bytes[magic.length + 1]! << 8))
    if (end > this.#bytesMax)
      throw invalid(`a handshake of ${end} bytes; at most ${this.#bytesMax} are accepted`)
    if (this.#bytes.length < end) return undefined
    return { message: parseJson(this.#bytes.subarray(headBytes, end)), rest: this.#bytes.subarray(end) }
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown
  } catch (error) {
    throw invalid('a handshake that is no JSON', error)
  }
}

/** Errors: LINK_HANDSHAKE_INVALID. */
export function checkHello(message: unknown): Hello {
  const hello = isRecord(message) ? message['hello'] : undefined
  if (!isHello(hello)) throw invalid('a handshake without the fields that it must have')
  return hello
}

/** Errors: LINK_HANDSHAKE_INVALID. */
export function checkAnswer(message: unknown): Answer {
  if (isRecord(message) && isRecord(message['refused'])) {
    return { type: 'refused', refusal: checkRefusal(message['refused']) }
  }
  const hello = checkHello(message)
  const version = (message as { version?: unknown }).version
  if (!isCount(version)) throw invalid('an answer without a version')
  return { type: 'welcome', hello, version }
}

function checkRefusal({ code, message }: { readonly [field: string]: unknown }): Refusal {
  if (typeof code !== 'string' || typeof message !== 'string') throw invalid('a refusal without a reason')
  const text = message.slice(0, messageLengthMax)
  // A newer version may have codes that this one does not know.
  if (!Object.hasOwn(errorCodes, code))
    return { code: 'LINK_REFUSED', message: `${text} (${code.slice(0, 100)})` }
  return { code: code as ErrorCode, message: text }
}

function isHello(value: unknown): value is Hello {
  if (!isRecord(value)) return false
  const { versions, cluster, network, from, to, generation, end, peerEnd, attempt, received } = value
  return (
    isRecord(versions) &&
    isCount(versions['min']) &&
    isCount(versions['max']) &&
    isText(cluster) &&
    (network === null || isText(network)) &&
    isIdentity(from) &&
    isIdentity(to) &&
    isText(end) &&
    (peerEnd === null || isText(peerEnd)) &&
    [generation, attempt, received].every(isCount)
  )
}

function isIdentity(value: unknown): value is Identity {
  return isRecord(value) && isText(value['node']) && (value['worker'] === null || isCount(value['worker']))
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= textLengthMax
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function invalid(what: string, cause?: unknown): VertigoError {
  return new VertigoError('LINK_HANDSHAKE_INVALID', `the other end sent ${what}`, { cause })
}
