import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EventParser, type ServerEvent } from '../../../src/api/event-parser.ts'

function parsed(...pieces: readonly string[]): ServerEvent[] {
  const parser = new EventParser()
  return pieces.flatMap((piece) => parser.push(piece))
}

test('events, comments, fields that are not known, data of several lines', () => {
  assert.deepEqual(parsed('retry: 1000\n\n:\n\nid: 7\nevent: status\ndata: {}\n\n'), [
    { id: '7', type: 'status', data: '{}' },
  ])
  assert.deepEqual(parsed('data: a\ndata:b\ndata\nother: x\n\n'), [
    { id: '', type: 'message', data: 'a\nb\n' },
  ])
  assert.deepEqual(parsed('data: unfinished\n'), [])
})

test('an id holds until there is another one; an event without data is none', () => {
  assert.deepEqual(parsed('id: 1\ndata: a\n\nevent: e\n\ndata: b\n\nid\ndata: c\n\n'), [
    { id: '1', type: 'message', data: 'a' },
    { id: '1', type: 'message', data: 'b' },
    { id: '', type: 'message', data: 'c' },
  ])
})

test('property: the same events however the text is cut, whatever ends its lines', () => {
  const line = fc.constantFrom('id: 1', 'event: e', 'data: x', 'data', ':', 'data: y: z', '', '')
  const end = fc.constantFrom('\n', '\r\n', '\r')
  const text = fc.array(fc.tuple(line, end), { maxLength: 20 }).map((lines) => lines.flat().join(''))
  fc.assert(
    fc.property(text, fc.array(fc.nat(6), { maxLength: 40 }), (whole, cuts) => {
      const pieces: string[] = []
      let at = 0
      for (const cut of cuts) {
        pieces.push(whole.slice(at, at + cut))
        at += cut
      }
      pieces.push(whole.slice(at))
      assert.deepEqual(parsed(...pieces), parsed(whole))
    }),
    { numRuns: 1000 },
  )
})

test('an event without end is refused', () => {
  const parser = new EventParser()
  const much = 'x'.repeat(16 * 1024 * 1024)
  assert.throws(
    () => {
      parser.push('data: ')
      for (let n = 0; n < 5; n++) parser.push(much)
    },
    { code: 'API_ANSWER_INVALID' },
  )
  const lines = new EventParser()
  assert.throws(
    () => {
      for (let n = 0; n < 5; n++) lines.push(`data: ${much}\n`)
    },
    { code: 'API_ANSWER_INVALID' },
  )
})
