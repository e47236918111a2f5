import { VertigoError } from '../../base/errors.ts'
import { fieldAt } from '../../component/client-port.ts'

/** Answers that are awaited at one port at the same time. */
const awaitedMax = 10_000

interface Awaited {
  readonly field: string
  /** As JSON. */
  readonly value: string
}

/** Who awaits which answer at an exported output, by what tells it: CP-4. */
export class AwaitedAnswers {
  /** By field, and there by the value as JSON: the awaits of it. */
  readonly #ids = new Map<string, Map<string, number[]>>()
  readonly #by = new Map<number, Awaited>()

  get isEmpty(): boolean {
    return this.#by.size === 0
  }

  /** Errors: PORT_BUSY. */
  add(id: number, { field, value }: Awaited): void {
    if (this.#by.size >= awaitedMax)
      throw new VertigoError('PORT_BUSY', `${awaitedMax} answers are awaited at the port already.`)
    const values = this.#ids.get(field) ?? new Map<string, number[]>()
    this.#ids.set(field, values.set(value, [...(values.get(value) ?? []), id]))
    this.#by.set(id, { field, value })
  }

  remove(id: number): void {
    const known = this.#by.get(id)
    if (known === undefined) return
    this.#by.delete(id)
    const values = this.#ids.get(known.field)!
    const left = values.get(known.value)!.filter((other) => other !== id)
    if (left.length > 0) values.set(known.value, left)
    else values.delete(known.value)
    if (values.size === 0) this.#ids.delete(known.field)
  }

  /** Those that the message answers: all who await the same get the first that comes. They await nothing any more. */
  take(message: unknown): readonly number[] {
    if (this.#by.size === 0) return []
    const found: number[] = []
    for (const [field, values] of this.#ids) {
      const ids = values.get(valueAt(message, field) ?? '')
      if (ids !== undefined) found.push(...ids)
    }
    for (const id of found) this.remove(id)
    return found
  }
}

/** Of a message as JSON; undefined also for one that cannot be given, whose text is empty. */
export function fieldOf(text: string, field: string): string | undefined {
  return text === '' ? undefined : valueAt(JSON.parse(text), field)
}

/** As JSON; undefined for what is neither a text nor a number. */
function valueAt(message: unknown, field: string): string | undefined {
  const value = fieldAt(message, field)
  return typeof value === 'string' || typeof value === 'number' ? JSON.stringify(value) : undefined
}

export function unfitAnswer(): VertigoError {
  return new VertigoError(
    'CLIENT_MESSAGE_TOO_LARGE',
    'The answer is too large, or cannot be written as JSON.',
  )
}
