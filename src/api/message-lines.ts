import { VertigoError } from '../base/errors.ts'

export const linesType = 'application/x-ndjson'

/** A body of lines, each of which is a message as JSON. An array as a whole is a batch, an array in a line is a message. */
export class MessageLines {
  readonly messages: readonly unknown[]

  constructor(messages: readonly unknown[]) {
    this.messages = messages
  }
}

/** Lines without anything say nothing. Errors: API_REQUEST_INVALID, which names the line. */
export function readLines(text: string): MessageLines {
  const messages: unknown[] = []
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    try {
      messages.push(JSON.parse(line) as unknown)
    } catch (error) {
      throw new VertigoError('API_REQUEST_INVALID', `Line ${at + 1} of the body is no JSON.`, {
        cause: error,
      })
    }
  }
  return new MessageLines(messages)
}

/** The messages of a body: lines, an array of them, or one. Errors: API_REQUEST_INVALID. */
export function messagesOf(body: unknown): readonly unknown[] {
  if (body instanceof MessageLines) return body.messages
  if (Array.isArray(body)) return body
  if (body === undefined)
    throw new VertigoError('API_REQUEST_INVALID', 'The request has no message in its body.')
  return [body]
}
