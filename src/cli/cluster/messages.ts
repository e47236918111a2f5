import { VertigoError } from '../../base/errors.ts'
import { clientBatchMessagesMax, clientTextLengthMax } from '../../component/client-port.ts'
import { type Arguments, usage } from '../arguments.ts'
import type { OptionSpec } from '../command-spec.ts'

/** What commands take that send messages. */
export const messageOptions: Readonly<Record<'text' | 'timeout', OptionSpec>> = {
  text: { about: 'What is given is a text as it stands, not JSON.' },
  timeout: { value: '<seconds>', about: 'How long it may take, from 0.001 to 60. Default 10.' },
}

export function timeoutMs(given: Arguments): number | undefined {
  const seconds = given.positiveNumber('timeout')
  if (seconds === undefined) return undefined
  if (seconds > 60 || seconds < 0.001) throw usage('--timeout must be a number of seconds from 0.001 to 60.')
  return Math.round(seconds * 1000)
}

/** Errors: USAGE. */
export function messageOf(text: string, given: Arguments): unknown {
  if (given.flag('text')) return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw usage(
      `The message is no JSON: ${text.length > 60 ? `${text.slice(0, 57)}...` : text}`,
      'Write it as JSON (\'{"id": 1}\', \'"a text"\'), or give a text as it stands with --text.',
    )
  }
}

/** Well below what is taken at once, whatever JSON makes of it. */
const batchLengthMax = clientTextLengthMax / 4

/**
 * The lines of a stream in batches: what has come is not held back until a batch is full. Lines without anything say
 * nothing. Errors: CLIENT_MESSAGE_TOO_LARGE.
 */
export async function* lineBatches(
  chunks: AsyncIterable<string>,
): AsyncGenerator<readonly string[], void, undefined> {
  let rest = ''
  let number = 0
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    yield* batches(lines)
    number += lines.length
    if (rest.length > clientTextLengthMax)
      throw new VertigoError(
        'CLIENT_MESSAGE_TOO_LARGE',
        `Line ${number + 1} has more than ${clientTextLengthMax} characters.`,
      )
  }
  yield* batches([rest])
}

function* batches(lines: readonly string[]): Generator<readonly string[]> {
  let batch: string[] = []
  let length = 0
  for (const line of lines) {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line
    if (text.trim() === '') continue
    if (
      batch.length === clientBatchMessagesMax ||
      (batch.length > 0 && length + text.length > batchLengthMax)
    ) {
      yield batch
      batch = []
      length = 0
    }
    batch.push(text)
    length += text.length
  }
  if (batch.length > 0) yield batch
}
