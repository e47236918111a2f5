import type { Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { SinkSnapshot } from '../../component/sink.ts'
import { MessageCodec } from '../../wire/message-codec.ts'
import type { SliceWork } from './slice-work.ts'

/**
 * What a sink has prepared, as bytes: in chunks, since it may be tens of megabytes, and nobody else has a turn while one is made.
 *
 * What sinks prepare is long in one of these ways: it is an array, a text, or an object of which some fields are. The first chunk has
 * all of it but those, `[incarnation, id, rest, names]`, with empty ones in their place; each of the others is `[number, part]` of one of
 * the names. The name of the whole is null. Anything else that is long is one chunk: items should be short.
 */
export interface Staged {
  readonly snapshot: SinkSnapshot
  readonly staged: unknown
}

/** Encoded, about: a chunk takes a fraction of a millisecond. */
const chunkBytes = 64 * 1024
/** Of an array, where items say nothing of their size. */
const chunkItemsMax = 128

type Long = readonly unknown[] | string
type Name = string | null

const codec = new MessageCodec()

/** Encodes in slices. What is encoded must not change any more. */
export class StagedEncoder implements SliceWork {
  private readonly making: Generator<Uint8Array, void, undefined>
  private readonly made: Uint8Array[] = []
  private readonly ending = Promise.withResolvers<readonly Uint8Array[]>()
  private result: readonly Uint8Array[] | undefined
  isWaiting = true

  constructor(staged: Staged, place: string) {
    this.making = chunksOf(staged, place)
    // Whoever wants it asks for it.
    this.ending.promise.catch(() => undefined)
  }

  /** Errors: STATE_NOT_ENCODABLE. */
  get done(): Promise<readonly Uint8Array[]> {
    return this.ending.promise
  }

  /** Undefined before it is done. */
  get chunks(): readonly Uint8Array[] | undefined {
    return this.result
  }

  step(clock: Clock, budgetMs: number): void {
    const endMs = clock.monotonic() + budgetMs
    try {
      do {
        const { done, value } = this.making.next()
        if (done !== true) this.made.push(value)
        else {
          this.isWaiting = false
          this.result = this.made
          this.ending.resolve(this.made)
        }
      } while (this.isWaiting && clock.monotonic() < endMs)
    } catch (error) {
      this.isWaiting = false
      this.ending.reject(error)
    }
  }
}

/** The bytes have been verified. */
export function decodeStaged([head, ...chunks]: readonly Uint8Array[]): Staged {
  const [incarnation, id, rest, names = []] = codec.decode(head!) as [number, number, unknown, Name[]?]
  const parts = names.map((): Long[] => [])
  for (const chunk of chunks) {
    const [number, part] = codec.decode(chunk) as [number, Long]
    parts[number]!.push(part)
  }
  let staged = rest
  for (const [number, name] of names.entries()) {
    const at = name === null ? rest : (rest as Readonly<Record<string, unknown>>)[name]
    const whole = typeof at === 'string' ? parts[number]!.join('') : parts[number]!.flat()
    if (name === null) staged = whole
    else (staged as Record<string, unknown>)[name] = whole
  }
  return { snapshot: { incarnation, id }, staged }
}

function* chunksOf({ snapshot, staged }: Staged, place: string): Generator<Uint8Array, void, undefined> {
  const { rest, long } = divided(staged)
  const names = [...long.keys()]
  check([rest], place, () => '')
  yield encoded([snapshot.incarnation, snapshot.id, rest, names])
  for (const [number, name] of names.entries()) {
    const value = long.get(name)!
    const path = name === null ? '' : `.${name}`
    const pieces = typeof value === 'string' ? piecesOfText(value) : piecesOfArray(value)
    for (const [from, to] of pieces) {
      const part = value.slice(from, to)
      if (typeof part !== 'string') check(part, place, (index) => `${path}[${from + index}]`)
      yield encoded([number, part])
    }
  }
}

/** What is long, by name, and the rest with nothing in its places. */
function divided(staged: unknown): { readonly rest: unknown; readonly long: ReadonlyMap<Name, Long> } {
  if (isLong(staged)) return { rest: emptyOf(staged), long: new Map([[null, staged]]) }
  if (typeof staged !== 'object' || staged === null || Object.getPrototypeOf(staged) !== Object.prototype)
    return { rest: staged, long: new Map() }
  const fields: [string, unknown][] = Object.entries(staged)
  const long = new Map(fields.filter((field): field is [string, Long] => isLong(field[1])))
  if (long.size === 0) return { rest: staged, long }
  const rest = fields.map(([name, value]) => [name, long.has(name) ? emptyOf(long.get(name)!) : value])
  return { rest: Object.fromEntries(rest), long }
}

/** An array of a class of its own is not taken apart: the codec has its word to say of it. */
function isLong(value: unknown): value is Long {
  if (typeof value === 'string') return value.length > chunkBytes
  return Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype && value.length > 1
}

function emptyOf(long: Long): Long {
  return typeof long === 'string' ? '' : []
}

function* piecesOfArray(items: readonly unknown[]): Generator<readonly [number, number], void, undefined> {
  let from = 0
  let bytes = 0
  for (let at = 0; at < items.length; at++) {
    const more = roughBytes(items[at])
    if (at > from && (bytes + more > chunkBytes || at - from === chunkItemsMax)) {
      yield [from, at]
      from = at
      bytes = 0
    }
    bytes += more
  }
  yield [from, items.length]
}

/** A pair of surrogates stays together: one alone cannot be encoded. */
function* piecesOfText(text: string): Generator<readonly [number, number], void, undefined> {
  for (let from = 0; from < text.length;) {
    let to = Math.min(text.length, from + chunkBytes)
    if (to < text.length && isFirstOfPair(text.charCodeAt(to - 1))) to--
    yield [from, to]
    from = to
  }
}

function isFirstOfPair(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00
}

/** Of texts and bytes, of those that an object holds, and of texts in an array that it has. */
function roughBytes(item: unknown): number {
  if (typeof item !== 'object' || item === null) return bytesOfField(item)
  if (ArrayBuffer.isView(item)) return item.byteLength
  let bytes = 8
  for (const field in item) bytes += bytesOfField((item as Readonly<Record<string, unknown>>)[field])
  return bytes
}

function bytesOfField(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (Array.isArray(value)) {
    let bytes = 8
    for (const item of value as readonly unknown[]) bytes += typeof item === 'string' ? item.length + 8 : 8
    return bytes
  }
  return ArrayBuffer.isView(value) ? value.byteLength : 8
}

/** Errors: STATE_NOT_ENCODABLE. */
function check(values: readonly unknown[], place: string, pathOf: (index: number) => string): void {
  const found = codec.fault(values)
  if (found === undefined) return
  const { index, fault } = found
  const path = `${pathOf(index)}${fault.path}`
  const text = `what the sink of ${place} has prepared cannot be written: ${path === '' ? 'it' : path} ${fault.problem}`
  throw new VertigoError('STATE_NOT_ENCODABLE', text, { place: { component: place } })
}

function encoded(value: unknown): Uint8Array {
  return new Uint8Array(codec.encode(value, 0))
}
