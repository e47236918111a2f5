import { Buffer } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { clientDepthMax } from '../../component/client-port.ts'
import { mayHoldHalves, misfitOf } from '../json-fit.ts'
import type { IntakeQueue } from './intake-queue.ts'

/** An answer to a request that is not what is taken. */
export interface Refusal {
  readonly status: number
  readonly message: string
  readonly retryAfterS?: number
}

export class RequestRefused extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.message)
    this.name = 'RequestRefused'
    this.refusal = refusal
  }
}

export interface BodyLimits {
  readonly bodyBytesMax: number
  readonly batchMessagesMax: number
}

/** The body's bytes, for which there is room in the queue: whoever takes them releases them. Errors: RequestRefused. */
export async function readBody(
  request: IncomingMessage,
  queue: IntakeQueue,
  { bodyBytesMax }: BodyLimits,
): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (bytes + chunk.length > bodyBytesMax)
        throw new RequestRefused({ status: 413, message: `The body is larger than ${bodyBytesMax} bytes.` })
      if (!queue.reserve(chunk.length)) throw new RequestRefused(fullRefusal)
      bytes += chunk.length
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } catch (error) {
    queue.release(bytes)
    throw error
  }
}

export const fullRefusal: Refusal = {
  status: 429,
  message: 'As much waits here as may: send it again later.',
  retryAfterS: 1,
}

/** Types whose requests a web page cannot send without being asked. */
const single = /^application\/(?:[\w.-]+\+)?json(?:\s*;|$)/i
const lines = /^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines)(?:\s*;|$)/i

/** Whether the body is one message, or one in each line. Errors: RequestRefused. */
export function formOf(request: IncomingMessage): 'single' | 'lines' {
  const type = request.headers['content-type'] ?? ''
  const { 'content-encoding': encoding } = request.headers
  if (encoding !== undefined && encoding !== 'identity')
    throw new RequestRefused({ status: 415, message: `Bodies in "${encoding}" are not taken.` })
  if (lines.test(type)) return 'lines'
  if (single.test(type)) return 'single'
  throw new RequestRefused({
    status: 415,
    message:
      'Say `content-type: application/json` for one message, or `application/x-ndjson` for one a line.',
  })
}

/** Errors: RequestRefused. */
export function messagesOf(
  body: Buffer,
  form: 'single' | 'lines',
  { batchMessagesMax }: BodyLimits,
): readonly unknown[] {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new RequestRefused({ status: 400, message: 'The body is not UTF-8.' })
  }
  if (form === 'single') return [parsed(text, 'The body')]
  const messages: unknown[] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    if (messages.length === batchMessagesMax)
      throw new RequestRefused({
        status: 413,
        message: `The body has more than ${batchMessagesMax} messages.`,
      })
    messages.push(parsed(line, `Line ${index + 1}`))
  }
  return messages
}

function parsed(text: string, what: string): unknown {
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    throw new RequestRefused({ status: 400, message: `${what} is not JSON.` })
  }
  const problem = misfitOf(message, { depthMax: clientDepthMax, mayHoldHalves: mayHoldHalves(text) })
  if (problem !== undefined) throw new RequestRefused({ status: 400, message: `${what} ${problem}.` })
  return message
}
