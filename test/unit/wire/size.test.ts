import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { estimateBytes } from '../../../src/wire/size.ts'
import { message } from './arbitraries.ts'

test('every message has a size, whatever it holds', () => {
  fc.assert(
    fc.property(message, (value) => Number.isFinite(estimateBytes(value)) && estimateBytes(value) > 0),
  )
})

test('large contents show in the size', () => {
  const mib = 1024 * 1024
  const large: readonly unknown[] = [
    'x'.repeat(mib),
    new Uint8Array(mib),
    new ArrayBuffer(mib),
    new Float64Array(mib / 8),
    Array.from({ length: mib / 8 }, () => 1.5),
    new Map(Array.from({ length: 1000 }, (_, i) => [i, 'x'.repeat(1024)])),
    new Set(Array.from({ length: 1000 }, (_, i) => `${i}${'x'.repeat(1024)}`)),
    { a: { b: { c: ['x'.repeat(mib)] } } },
    new Error('x'.repeat(mib)),
  ]
  for (const value of large) {
    const bytes = estimateBytes(value)
    assert.ok(bytes >= mib * 0.9, `${Object.prototype.toString.call(value)} counts as ${bytes}`)
    assert.ok(bytes < mib * 4, `${Object.prototype.toString.call(value)} counts as ${bytes}`)
  }
})

test('deep and cyclic values end', () => {
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  assert.ok(estimateBytes(cycle) > 0)
  const graph = Array.from({ length: 32 }, (): unknown[] => [])
  for (const node of graph) node.push(...graph)
  assert.ok(estimateBytes(graph) < 100 * 1024 * 1024)
})
