import { addExtension, Packr } from 'msgpackr'
import { errorExtension } from './error-codec.ts'
import { findFault, isEncodable, type MessageFault } from './message-check.ts'

/**
 * Messages as bytes: MessagePack with records (a shape is written once per frame), by msgpackr.
 *
 * Kept as they are: JSON values, `undefined`, `bigint`, `Date`, `Map`, `Set`, typed arrays, `ArrayBuffer`, errors
 * (see `error-codec.ts`), and classes with a registered codec. What would come back as something else is refused
 * (`message-check.ts`), but for these, since looking for them would slow every message down: `-0` becomes `0`, as in JSON;
 * holes in arrays become `undefined`; lone surrogates in strings become U+FFFD; a `Buffer` becomes a `Uint8Array`; fields
 * that are symbols or not enumerable, and fields of arrays beside their items, are left out.
 */

/** How instances of a class travel. The modules of both the sender and the receiver must register it. */
export interface ClassCodec<T> {
  /** Name on the wire; the same everywhere. */
  readonly name: string
  readonly class: abstract new (...values: never[]) => T
  /** Plain data for an instance. */
  encode(instance: T): unknown
  decode(data: never): T
}

const knownClasses = new Set<unknown>()
const decoders = new Map<string, (data: never) => unknown>()
/** The extension's number in MessagePack; classes are told apart by name, so that order of registration is free. */
const classExtension = 1
const float16Extension = 3

/** Registers a codec for a class; registering the same name again replaces it (a module loaded anew). */
export function registerCodec<T>(codec: ClassCodec<T>): void {
  knownClasses.add(codec.class)
  decoders.set(codec.name, (data) => codec.decode(data))
  addExtension({
    Class: codec.class,
    type: classExtension,
    write: (instance: unknown) => [codec.name, codec.encode(instance as T)],
    read: readClass,
  })
}

function readClass(written: unknown): unknown {
  const [name, data] = written as [string, never]
  const decode = decoders.get(name)
  if (decode === undefined) throw new UnknownClassError(name)
  return decode(data)
}

/** Registered first, so that classes that extend `Error` and have a codec of their own come before it. */
addExtension(errorExtension)
registerFloat16()

/** The one kind of typed array that the encoder does not know. Node 22 has none. */
function registerFloat16(): void {
  const { Float16Array: Class } = globalThis as {
    Float16Array?: new (buffer: ArrayBufferLike) => ArrayBufferView<ArrayBuffer>
  }
  if (Class === undefined) return
  addExtension({
    Class,
    type: float16Extension,
    write: (array: unknown) => {
      const { buffer, byteOffset, byteLength } = array as ArrayBufferView
      return new Uint8Array(buffer, byteOffset, byteLength)
    },
    read: (bytes: unknown) => new Class(new Uint8Array(bytes as Uint8Array).buffer),
  })
}

/** The receiver has not loaded the module that registers the codec. */
export class UnknownClassError extends Error {
  readonly className: string
  constructor(className: string) {
    super(`no codec is registered for class "${className}"`)
    this.name = 'UnknownClassError'
    this.className = className
  }
}

/** `msgpackr`'s flag that leaves the lowest byte's number of bytes free at the start. */
const reserveStartSpace = 2048

/** Encodes and decodes; one for each thread suffices, since it holds no state between calls. */
export class MessageCodec {
  private readonly packr = new Packr({
    useRecords: true,
    mapsAsObjects: false,
    moreTypes: true,
    useBigIntExtension: true,
  })

  /** The first value that cannot be encoded; undefined where all can. */
  fault(values: readonly unknown[]): { readonly index: number; readonly fault: MessageFault } | undefined {
    for (let index = 0; index < values.length; index++) {
      if (isEncodable(values[index], knownClasses)) continue
      const fault = findFault(values[index], knownClasses)
      if (fault !== undefined) return { index, fault }
    }
    return undefined
  }

  /**
   * Bytes of `value`, with `headBytes` (0..255) left free before them. The result is a view of a buffer that the next
   * calls go on writing behind: copy it before it leaves the thread.
   */
  encode(value: unknown, headBytes: number): Uint8Array {
    return this.packr.pack(value, reserveStartSpace | headBytes)
  }

  decode(bytes: Uint8Array): unknown {
    return this.packr.unpack(bytes)
  }
}
