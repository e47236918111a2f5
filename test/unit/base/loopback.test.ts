import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isLoopback } from '../../../src/base/loopback.ts'

test('property: nothing but loopback counts as loopback', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      assert.equal(isLoopback(address), address.startsWith('127.'))
    }),
  )
  fc.assert(fc.property(fc.domain(), (name) => assert.equal(isLoopback(name), name.endsWith('.localhost'))))
  assert.ok(isLoopback('[::1]'))
})
