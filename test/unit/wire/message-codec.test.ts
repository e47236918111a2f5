import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { MessageCodec, registerCodec } from '../../../src/wire/message-codec.ts'
import { messageDepthMax } from '../../../src/wire/message-check.ts'
import { message } from './arbitraries.ts'

const codec = new MessageCodec()

function roundTrip(value: unknown): unknown {
  return codec.decode(new Uint8Array(codec.encode(value, 0)))
}

function fault(value: unknown): string | undefined {
  const found = codec.fault([value])
  return found === undefined ? undefined : `${found.fault.path}: ${found.fault.problem}`
}

/** Errors with all that has to travel, since \`deepEqual\` looks at little of them. */
function comparable(value: unknown): unknown {
  if (value instanceof Error) {
    const { name, message, stack, cause } = value
    const { errors } = value as { readonly errors?: unknown }
    const own = Object.entries(value).filter(([field]) => field !== 'name')
    const kind = Object.prototype.toString.call(value)
    return { kind, name, message, stack, cause: comparable(cause), errors: comparable(errors), own }
  }
  if (Array.isArray(value)) return value.map(comparable)
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, comparable(item)]))
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, comparable(item)]))
  }
  return value
}

test('every promised kind of value comes back equal', () => {
  fc.assert(
    fc.property(message, (value) => {
      assert.equal(fault(value), undefined)
      assert.deepEqual(comparable(roundTrip(value)), comparable(value))
    }),
    { numRuns: 500 },
  )
})

test('what comes back shares no memory with the encoder', () => {
  const bytes = new Uint8Array([1, 2, 3])
  const first = roundTrip({ bytes }) as { bytes: Uint8Array }
  roundTrip({ bytes: new Uint8Array([9, 9, 9]) })
  assert.deepEqual([...first.bytes], [1, 2, 3])
})

test('values of another realm are plain values too', () => {
  const foreign = runInNewContext('({ list: [1, { a: 2 }] })') as unknown
  if (fault(foreign) === undefined) {
    assert.deepEqual(JSON.stringify(roundTrip(foreign)), '{"list":[1,{"a":2}]}')
  }
})

test('documented changes: -0, holes, lone surrogates', () => {
  assert.ok(Object.is(roundTrip(-0), 0) || Object.is(roundTrip(-0), -0))
  // eslint-disable-next-line no-sparse-arrays
  assert.deepEqual(roundTrip([1, , 3]), [1, undefined, 3])
  assert.match(roundTrip('a\ud800b') as string, /^a\ufffd+b$/)
})

test('a Buffer comes back as bytes', () => {
  const back = roundTrip(Buffer.from('abc')) as Uint8Array
  assert.ok(back instanceof Uint8Array)
  assert.equal(Buffer.from(back).toString(), 'abc')
})

test('errors keep their class, stack, cause, code and fields, and the errors inside of them', () => {
  const failed = Object.assign(new TypeError('no', { cause: { deep: new RangeError('why') } }), {
    code: 'E_NO',
    details: { list: [1, new Date(0)] },
  })
  const system = Object.assign(new Error('ENOENT: x'), { errno: -2, code: 'ENOENT', syscall: 'open' })
  const many = new AggregateError([failed, 'text', system], 'all failed')
  const named = Object.assign(new Error('mine'), { name: 'eval' })
  for (const error of [failed, system, many, named, new Error('x', { cause: undefined })]) {
    assert.equal(fault(error), undefined)
    const back = roundTrip({ error }) as { error: Error }
    assert.deepEqual(comparable(back.error), comparable(error))
    assert.equal(Object.hasOwn(back.error, 'cause'), Object.hasOwn(error, 'cause'))
  }
  const [first] = (roundTrip(many) as AggregateError).errors as [Error]
  assert.ok(roundTrip(many) instanceof AggregateError && first instanceof TypeError)
  assert.equal((first.cause as { deep: Error }).deep.stack, (failed.cause as { deep: Error }).deep.stack)
  const aborted = AbortSignal.abort().reason as DOMException
  const { name, message, code } = roundTrip(aborted) as Error & { code: unknown }
  assert.deepEqual([name, message, code], [aborted.name, aborted.message, aborted.code])
})

test('an error of a class with a codec travels by that codec', () => {
  class Refusal extends Error {
    readonly reason = 7
  }
  registerCodec<Refusal>({
    name: 'refusal',
    class: Refusal,
    encode: ({ message }) => message,
    decode: (message: string) => new Refusal(message),
  })
  const back = roundTrip([new Refusal('no'), new Error('yes')]) as Error[]
  assert.ok(back[0] instanceof Refusal && !(back[1] instanceof Refusal))
})

const float16 = (globalThis as { Float16Array?: new (items: number[]) => ArrayLike<number> }).Float16Array

test('arrays of half precision come back', { skip: float16 === undefined && 'this Node has none' }, () => {
  const array = new float16!([1, -2.5, 65504])
  assert.equal(fault({ array }), undefined)
  assert.deepEqual(roundTrip({ array }), { array })
})

class Bytes extends Uint8Array {}

class Point {
  x = 1
}
class Refined extends Date {}
class Registry extends Map {}
class Bag extends Set {}
class List extends Array {}

const refused: readonly (readonly [string, unknown, RegExp])[] = [
  ['a function', { f: () => 1 }, /^\.f: is a function/],
  ['a symbol', [Symbol('s')], /^\[0\]: is a symbol/],
  ['an instance of a class', { p: new Point() }, /^\.p: is an instance of class Point, which has no codec/],
  ['an instance within a Map', new Map([['k', new Point()]]), /^\.get\(k\): is an instance of class Point/],
  ['an instance within a Set', new Set([new Point()]), /^\.values\(\)\[0\]: is an instance of class Point/],
  ['a key of a Map', new Map([[new Point(), 1]]), /^\.keys\(\)\[0\]: is an instance of class Point/],
  ['a cause', new Error('x', { cause: new Point() }), /^\.cause: is an instance of class Point/],
  ['a function in an error', Object.assign(new Error('x'), { retry: () => 1 }), /^\.retry: is a function/],
  ['a function in an AggregateError', new AggregateError([() => 1]), /^\.errors\[0\]: is a function/],
  [
    'an error that cannot be read',
    Object.defineProperty(new Error('x'), 'message', { value: 7 }),
    /^: is an error with fields that cannot be read/,
  ],
  [
    'an object of which nothing would be left',
    { m: Math },
    /^\.m: has fields that would be left out: symbols/,
  ],
  ['an object with nothing but symbols', [{ [Symbol('s')]: 1 }], /^\[0\]: has fields that would be left out/],
  ['a Map with fields', Object.assign(new Map(), { more: 1 }), /^: has fields that would be left out/],
  ['a Date with fields', { d: Object.assign(new Date(0), { zone: 1 }) }, /^\.d: has fields that/],
  ['a subclass of bytes', new Bytes(3), /class Bytes/],
  ['a promise', Promise.resolve(1), /^: is an instance of class Promise/],
  ['a regular expression', /x/, /RegExp/],
  ['a URL', new URL('http://localhost'), /URL/],
  ['a weak map', new WeakMap(), /WeakMap/],
  ['a boxed string', Object('x'), /String/],
  ['a subclass of Date', new Refined(), /Refined/],
  ['a subclass of Map', new Registry(), /Registry/],
  ['a subclass of Set', new Bag(), /Bag/],
  ['a subclass of Array', new List(), /List/],
  ['shared memory', new Uint8Array(new SharedArrayBuffer(4)), /./],
  ['a shared buffer', new SharedArrayBuffer(4), /./],
  [
    'a field named __proto__',
    JSON.parse('{"a":{"__proto__":1}}') as unknown,
    /^\.a: has a field named "__proto__"/,
  ],
  [
    'an invalid field in a list',
    { user: { tags: [1, [() => 1]] } },
    /^\.user\.tags\[1\]\[0\]: is a function/,
  ],
]

for (const [what, value, expected] of refused) {
  test(`${what} is refused with the path to it`, () => {
    assert.match(fault(value) ?? 'nothing', expected)
  })
}

test('cycles and depths beyond the limit are refused', () => {
  const cycle: Record<string, unknown> = { a: {} }
  ;(cycle['a'] as Record<string, unknown>)['back'] = [cycle]
  assert.match(fault(cycle) ?? '', /^\.a\.back\[0\]: refers back to a value that it is in/)
  const mapCycle = new Map<string, unknown>()
  mapCycle.set('self', mapCycle)
  assert.match(fault(mapCycle) ?? '', /cycle/)
  let deep: unknown = 1
  for (let i = 0; i < messageDepthMax; i++) deep = [deep]
  assert.equal(fault(deep), undefined)
  assert.deepEqual(roundTrip(deep), deep)
  assert.match(fault([deep]) ?? '', new RegExp(`nested deeper than ${messageDepthMax} levels`))
})

test('the same value twice is no cycle', () => {
  const shared = { a: 1 }
  assert.equal(fault([shared, shared, { shared }]), undefined)
  assert.deepEqual(roundTrip([shared, shared]), [{ a: 1 }, { a: 1 }])
})

test('classes with a codec travel, and several registrations do not disturb each other', () => {
  class Money {
    readonly cents: bigint
    constructor(cents: bigint) {
      this.cents = cents
    }
  }
  class Tag {
    readonly name: string
    constructor(name: string) {
      this.name = name
    }
  }
  registerCodec<Money>({
    name: 'money',
    class: Money,
    encode: (m) => m.cents,
    decode: (cents: bigint) => new Money(cents),
  })
  registerCodec<Tag>({
    name: 'tag',
    class: Tag,
    encode: (t) => ({ n: t.name }),
    decode: (d: { n: string }) => new Tag(d.n),
  })
  const value = {
    price: new Money(12n),
    tags: [new Tag('a'), new Tag('b')],
    more: new Map([['m', new Money(1n)]]),
  }
  assert.equal(fault(value), undefined)
  const back = roundTrip(value) as typeof value
  assert.ok(back.price instanceof Money)
  assert.ok(back.tags[1] instanceof Tag)
  assert.deepEqual(back, value)
  class Money2 extends Money {}
  registerCodec<Money2>({
    name: 'money',
    class: Money2,
    encode: (m) => m.cents,
    decode: (cents: bigint) => new Money2(cents * 2n),
  })
  assert.deepEqual(roundTrip(new Money2(1n)), new Money2(2n))
})
