import assert from 'node:assert/strict'
import test from 'node:test'
import * as v from 'valibot'
import { configFields } from '../../../src/cli/config-fields.ts'

test('fields of a schema are told with type, default and description', () => {
  const schema = v.strictObject({
    path: v.pipe(v.string(), v.minLength(1), v.description('Where it is.')),
    paths: v.union([v.string(), v.array(v.string())]),
    format: v.optional(v.picklist(['text', 'csv'])),
    append: v.optional(v.boolean(), false),
    count: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(9)),
    rate: v.optional(v.pipe(v.number(), v.gtValue(0))),
    record: v.record(v.string(), v.unknown()),
  })
  assert.deepEqual(configFields(schema), [
    { name: 'path', type: 'text', required: true, description: 'Where it is.' },
    { name: 'paths', type: 'text | list of text', required: true },
    { name: 'format', type: '"text" | "csv"', required: false },
    { name: 'append', type: 'true or false', required: false, default: false },
    { name: 'count', type: 'whole number, 1 or more, at most 9', required: true },
    { name: 'rate', type: 'number, above 0', required: false },
    { name: 'record', type: 'object', required: true },
  ])
})

test('what is no schema of an object has no fields', () => {
  for (const schema of [undefined, null, v.string(), { '~standard': {} }])
    assert.deepEqual(configFields(schema), [])
})
