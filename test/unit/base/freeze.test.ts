import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deepFreeze } from '../../../src/base/freeze.ts'

test('what an author has frozen at its surface is frozen to its depth', () => {
  const inner = { tags: ['a'] }
  deepFreeze(Object.freeze({ inner }))
  assert.throws(() => inner.tags.push('b'), /not extensible/)
  const items = [new Map([['a', 1]])]
  deepFreeze(Object.freeze(items))
  assert.throws(() => items[0]!.set('b', 2), /Cannot set on a Map/)
})

test('collections that take no fields any more are no error', () => {
  const inner = { n: 1 }
  for (const value of [
    Object.freeze(new Map([['a', inner]])),
    Object.preventExtensions(new Set([inner])),
    Object.seal(new Date(0)),
  ])
    deepFreeze(value)
  assert.ok(Object.isFrozen(inner))
})

test('no method changes a map that was frozen', () => {
  const frozen = new Map([['a', 1]])
  deepFreeze(frozen)
  const methods: Readonly<Record<string, (map: Map<string, number>) => unknown>> = {
    set: (map) => map.set('b', 2),
    delete: (map) => map.delete('a'),
    clear: (map) => map.clear(),
    getOrInsert: (map) =>
      (map as unknown as { getOrInsert(key: string, n: number): void }).getOrInsert('b', 2),
  }
  for (const [name, change] of Object.entries(methods))
    if (name in Map.prototype) assert.throws(() => change(frozen), TypeError, name)
  assert.deepEqual([...frozen], [['a', 1]])
})

test('what holds itself is frozen once', () => {
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  deepFreeze(cyclic)
  assert.ok(Object.isFrozen(cyclic))
})
