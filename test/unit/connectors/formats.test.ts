import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from '../../../src/connectors/servers/formats.ts'

const place = () => ({ component: 'words[1]', where: 'the value at offset 7 of partition 2' })

test('SOURCE_MESSAGE_INVALID: what is no JSON is named by its place, and its bytes stay out of the message', () => {
  for (const text of ['', '{"a":', 'secret']) {
    assert.throws(() => decode(Buffer.from(text), 'json', place), {
      code: 'SOURCE_MESSAGE_INVALID',
      message: 'words[1]: the value at offset 7 of partition 2 holds no JSON.',
      place: { component: 'words[1]' },
    })
  }
})

test('bytes and texts are never invalid; what is not there is null', () => {
  assert.equal(decode(Buffer.from('{"a":'), 'text', place), '{"a":')
  assert.deepEqual(decode(Buffer.from([255, 0]), 'bytes', place), new Uint8Array([255, 0]))
  assert.deepEqual(decode(Buffer.from('{"a":1}'), 'json', place), { a: 1 })
  assert.equal(decode(null, 'json', place), null)
  assert.equal(decode(undefined, 'json', place), null)
})
