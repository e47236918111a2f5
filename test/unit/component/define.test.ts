import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineComponent, defineSource } from '../../../src/component/index.ts'
import { kindDefinition } from '../../../src/component/kind.ts'
import { hasCode } from '../../support/error-code.ts'

// As code in JavaScript calls them, which no compiler has looked at.

test('a component without `inputs`, or without `outputs`, has none', () => {
  const { inputs, outputs } = kindDefinition(defineComponent({} as never))
  assert.deepEqual([inputs, outputs], [{}, {}])
})

test('a source without outputs is refused: what it reads would be lost', () => {
  function* read() {
    yield 1
  }
  for (const options of [{ read }, { read, outputs: {} }])
    assert.throws(() => defineSource(options as never), hasCode('KIND_INVALID', 'without outputs'))
})
