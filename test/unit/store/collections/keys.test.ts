import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type CollectionKind,
  collectionPrefix,
  mapKey,
  mapKeyText,
  multimapKey,
  multimapKeyText,
  numberedKey,
  numberOfKey,
} from '../../../../src/store/collections/keys.ts'
import { canonicalJson } from '../../../../src/store/collections/canonical-json.ts'
import { decodeSegment, encodeSegment } from '../../../../src/store/recipes/key-text.ts'

const text = fc.string({
  unit: fc.constantFrom('a', '/', '%', '2', 'f', '\u0000', 'é', '😀', '.'),
  maxLength: 6,
})
const kinds: readonly CollectionKind[] = [
  'map',
  'multimap',
  'set',
  'list',
  'queue',
  'counter',
  'lock',
  'topic',
]

test('CK-1: the keys of two collections have nothing in common, whatever their names are', () => {
  const collection = fc.record({ kind: fc.constantFrom(...kinds), name: text })
  fc.assert(
    fc.property(collection, collection, (a, b) => {
      fc.pre(a.kind !== b.kind || a.name !== b.name)
      const [first, second] = [collectionPrefix(a.kind, a.name), collectionPrefix(b.kind, b.name)]
      assert.ok(!first.startsWith(second) && !second.startsWith(first), `${first} ${second}`)
    }),
  )
})

test('names and keys are read back as they were, and two never become one', () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      assert.equal(decodeSegment(encodeSegment(a)), a)
      assert.equal(encodeSegment(a) === encodeSegment(b), a === b)
      const map = collectionPrefix('map', a)
      assert.equal(mapKeyText(map, mapKey(map, b)), b)
      const multimap = collectionPrefix('multimap', a)
      assert.equal(multimapKeyText(multimap, multimapKey(multimap, b, 1)), b)
    }),
  )
})

test('CK-2: numbered keys are in the order of their numbers', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
      const [first, second] = [numberedKey('q/', a), numberedKey('q/', b)]
      assert.equal(first < second, a < b)
      assert.equal(numberOfKey(first), a)
    }),
  )
})

test('two values are the same where their JSON is, in whatever order members came', () => {
  assert.equal(canonicalJson({ a: 1, b: { d: 2, c: [3] } }), canonicalJson({ b: { c: [3], d: 2 }, a: 1 }))
  assert.notEqual(canonicalJson([1, 2]), canonicalJson([2, 1]))
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const read = JSON.parse(canonicalJson(value)) as unknown
      assert.deepEqual(read, JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('what is no text is no key, and the error says so', () => {
  for (const [key, called] of [
    [undefined, 'undefined'],
    [null, 'null'],
    [1, 'number'],
  ] as const)
    assert.throws(() => encodeSegment(key), {
      code: 'STORE_KEY_INVALID',
      message: new RegExp(`not ${called}`),
    })
})
