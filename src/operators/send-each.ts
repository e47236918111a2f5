import { VertigoError } from '../base/errors.ts'

/** Items of a list that are sent in one go; of longer ones, and of iterators, the engine asks for one such part after the other. */
export const itemsPerStep = 256

type Steps = Generator<undefined, undefined> | AsyncGenerator<undefined, undefined>

/** Sends each item: at once where there are few, else as an iterator that the engine pulls while there is room. */
export function sendEach(items: unknown, send: (message: never) => void): Steps | undefined {
  const emit = send as (message: unknown) => void
  if (Array.isArray(items)) {
    if (items.length > itemsPerStep) return sendParts(items, emit)
    for (const item of items) emit(item)
    return undefined
  }
  if (isIterable(items)) return sendParts(items, emit)
  if (isAsyncIterable(items)) return sendAsAvailable(items, emit)
  const what = items === null || items === undefined ? String(items) : `a ${typeof items}`
  const remedy =
    typeof items === 'string'
      ? 'Return a list of it: `[text]` for the text, `[...text]` for its characters.'
      : 'Return a list or an iterator; an empty list sends nothing.'
  throw new VertigoError('MESSAGE_INVALID', `the function gave ${what}, which has no items to send`, {
    remedy,
  })
}

function* sendParts(
  items: Iterable<unknown>,
  emit: (message: unknown) => void,
): Generator<undefined, undefined> {
  let sent = 0
  for (const item of items) {
    emit(item)
    if (++sent % itemsPerStep === 0) yield
  }
}

async function* sendAsAvailable(
  items: AsyncIterable<unknown>,
  emit: (message: unknown) => void,
): AsyncGenerator<undefined, undefined> {
  for await (const item of items) {
    emit(item)
    yield
  }
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
