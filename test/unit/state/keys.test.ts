import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  encodeKey,
  hashKey,
  instanceOfKeyGroup,
  keyGroupCount,
  keyGroupOf,
  keyReader,
} from '../../../src/state/keys.ts'

/** Frozen (keys.ts): a change would send keys to instances that do not hold their state. */
const golden: readonly (readonly [unknown, string, number, number])[] = [
  ['', '', 0xab3e7c0b, 11],
  ['a', 'a', 0x1a80b1b3, 179],
  ['user-17', 'user-17', 0x58a95b09, 9],
  ['äöü', 'äöü', 0x77bdb62e, 46],
  ['😀', '😀', 0x6a85a426, 38],
  [0, '\u00000', 0x2c43a52a, 42],
  [-0, '\u00000', 0x2c43a52a, 42],
  [-1, '\u0000-1', 0xc2b8fd21, 33],
  [1.5, '\u00001.5', 0x4c89aa9, 169],
  [1e21, '\u00001e+21', 0x7e6b0e8e, 142],
  [NaN, '\u0000NaN', 0x2fd170c9, 201],
  [10n, '\u000010n', 0x11290848, 72],
  [true, '\u0000true', 0xe7116fdd, 221],
  [null, '\u0000null', 0x685a3f7, 247],
  [undefined, '\u0000undefined', 0xc06a0a0d, 13],
  [new Date(0), '\u0000d0', 0x9600f3b3, 179],
  [new Uint8Array([1, 255]), '\u0000b01ff', 0xdffacba4, 164],
  [['a', 1, null], '\u0000["a",1,null]', 0xf25302e, 46],
  [{ b: 1, a: [{}] }, '\u0000{"a":[{}],"b":1}', 0x6c2c203e, 62],
]

const key: fc.Arbitrary<unknown> = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      'null',
      'undefined',
      '1',
      'true',
      '[]',
      '{}',
      '\u0000null',
      '\u00001',
      '\u0000"a"',
      '\u0000',
    ),
    fc.integer(),
    fc.double({ noNaN: true }),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 4 }),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie('any'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).any

/** Equal as keys: -0 is 0, fields in any order. */
function sameKey(a: unknown, b: unknown): boolean {
  try {
    assert.deepStrictEqual(normal(a), normal(b))
    return true
  } catch {
    return false
  }
}

function normal(value: unknown): unknown {
  if (value === 0) return 0
  if (Array.isArray(value)) return value.map(normal)
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, normal(item)]))
  }
  return value
}

test('KEY-1: encoding, hash and key group of known keys are frozen', () => {
  for (const [value, encoded, hash, group] of golden) {
    assert.equal(encodeKey(value), encoded)
    assert.equal(
      hashKey(encoded),
      hash,
      `hash of ${JSON.stringify(encoded)} is 0x${hashKey(encoded).toString(16)}`,
    )
    assert.equal(keyGroupOf(encoded), group)
  }
})

test('KEY-1: keys are equal exactly where their encodings are', () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      assert.equal(encodeKey(a) === encodeKey(b), sameKey(a, b), `${encodeKey(a)} and ${encodeKey(b)}`)
    }),
    { numRuns: 3000 },
  )
})

test('KEY-1: the order of fields does not count, that of items does', () => {
  assert.equal(encodeKey({ a: 1, b: { c: 2, d: 3 } }), encodeKey({ b: { d: 3, c: 2 }, a: 1 }))
  assert.notEqual(encodeKey([1, 2]), encodeKey([2, 1]))
  // A copy that went through the codec has no holes.
  // eslint-disable-next-line no-sparse-arrays
  assert.equal(encodeKey([, 1]), encodeKey([undefined, 1]))
})

test('what cannot be a key is refused with its type', () => {
  assert.throws(() => encodeKey(() => 1), /a function cannot be a routing key/)
  assert.throws(() => encodeKey(Symbol('s')), /a symbol cannot/)
  assert.throws(() => encodeKey(new Map()), /an object of Map cannot/)
  assert.throws(() => encodeKey({ a: [new URL('http://localhost')] }), /an object of URL cannot/)
})

test('KEY-2, KEY-3: keys of all usual forms spread evenly over the key groups', () => {
  const forms: Readonly<Record<string, (i: number) => unknown>> = {
    'counting numbers': (i) => i,
    'counting strings': (i) => `user-${i}`,
    'padded strings': (i) => String(i).padStart(12, '0'),
    'multiples of 256': (i) => i * 256,
    bigints: (i) => BigInt(i) << 40n,
    records: (i) => ({ tenant: i % 7, id: i }),
    dates: (i) => new Date(1_700_000_000_000 + i * 86_400_000),
  }
  const perGroup = 100
  for (const [form, make] of Object.entries(forms)) {
    const counts = Array.from({ length: keyGroupCount }, () => 0)
    for (let i = 0; i < keyGroupCount * perGroup; i++) counts[keyGroupOf(encodeKey(make(i)))]!++
    // Chi squared with 255 degrees of freedom: mean 255, standard deviation 22.6; five of these above.
    const chiSquared = counts.reduce((sum, count) => sum + (count - perGroup) ** 2 / perGroup, 0)
    assert.ok(chiSquared < 255 + 5 * 22.6, `${form}: chi squared ${chiSquared}`)
  }
})

test('KEY-3: instances own contiguous ranges of groups that differ by one at most', () => {
  for (const instances of [1, 2, 3, 7, 100, 255, 256]) {
    const owned = Array.from({ length: instances }, () => 0)
    let last = 0
    for (let group = 0; group < keyGroupCount; group++) {
      const instance = instanceOfKeyGroup(group, instances)
      assert.ok(instance === last || instance === last + 1)
      last = instance
      owned[instance]!++
    }
    assert.ok(Math.max(...owned) - Math.min(...owned) <= 1, `${instances}: ${owned.join()}`)
  }
})

test('a key is read at its path; what is absent is undefined', () => {
  assert.equal(keyReader('user.id')({ user: { id: 7 } }), 7)
  assert.equal(keyReader('id')({ id: 'x' }), 'x')
  assert.equal(keyReader('tags.1')({ tags: ['a', 'b'] }), 'b')
  assert.deepEqual(keyReader(undefined)({ a: 1 }), { a: 1 })
  for (const message of [{}, null, undefined, 5, { user: null }]) {
    assert.equal(keyReader('user.id')(message), undefined)
  }
})
