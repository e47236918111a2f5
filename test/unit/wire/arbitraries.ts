import fc from 'fast-check'

/** Any string whose code points are whole: lone surrogates become U+FFFD, as the codec says. */
const text = fc.string({ unit: 'binary' }).filter((s) => s.isWellFormed())

/** A number as it comes back: `-0` becomes `0`. */
const number = fc
  .oneof(fc.integer(), fc.double(), fc.constantFrom(2 ** 53, -(2 ** 53), 2 ** 32, -(2 ** 31)))
  .map((n) => (n === 0 ? 0 : n))

const date = fc.date({ noInvalidDate: true, min: new Date(-8.64e15), max: new Date(8.64e15) })

const typedArray: fc.Arbitrary<unknown> = fc.oneof(
  fc.uint8Array(),
  fc.int8Array(),
  fc.uint8ClampedArray(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
  fc.uint8Array().map((bytes) => bytes.slice().buffer),
)

const error = fc
  .record({ name: fc.constantFrom('Error', 'TypeError', 'MyError'), message: text, cause: fc.option(text) })
  .map(({ name, message, cause }) => {
    const made =
      name === 'TypeError'
        ? new TypeError(message, cause === null ? undefined : { cause })
        : new Error(message, cause === null ? undefined : { cause })
    made.name = name
    return made
  })

const leaf: fc.Arbitrary<unknown> = fc.oneof(
  text,
  number,
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }),
  date,
  typedArray,
  error,
)

/** Every kind of value that a message may hold. */
export const message: fc.Arbitrary<unknown> = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    leaf,
    fc.array(tie('any'), { maxLength: 6 }),
    fc.dictionary(
      text.filter((key) => key !== '__proto__'),
      tie('any'),
      { maxKeys: 6, noNullPrototype: true },
    ),
    fc
      .array(fc.tuple(fc.oneof(text, number), tie('any')), { maxLength: 4 })
      .map((entries) => new Map(entries)),
    fc.array(fc.oneof(text, number), { maxLength: 4 }).map((items) => new Set(items)),
  ),
})).any
