import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodedRecords } from '../../../../src/cluster/protocol/index.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

function counted(countMax: number): { records: DecodedRecords<string>; decoded: string[] } {
  const decoded: string[] = []
  const records = new DecodedRecords(
    {
      encode: (value: string) => encoder.encode(value),
      decode({ key, value }) {
        const text = decoder.decode(value)
        if (text === 'broken') throw new Error('it is broken')
        decoded.push(key)
        return text
      },
    },
    countMax,
  )
  return { records, decoded }
}

const entry = (key: string, modRevision: number, value = `${key} at ${modRevision}`) => ({
  key,
  modRevision,
  value: encoder.encode(value),
})

test('a record is decoded once until it changes, as long as not too many others are asked for', () => {
  const { records, decoded } = counted(2)
  assert.equal(records.decode(entry('a', 1)), 'a at 1')
  assert.equal(records.decode(entry('a', 1)), 'a at 1')
  assert.deepEqual(decoded, ['a'])
  assert.equal(records.decode(entry('a', 2)), 'a at 2')
  assert.equal(records.decode(entry('b', 2)), 'b at 2')
  assert.equal(records.decode(entry('a', 2)), 'a at 2')
  assert.deepEqual(decoded, ['a', 'a', 'b'])
  records.decode(entry('c', 3))
  records.decode(entry('a', 2))
  assert.deepEqual(decoded, ['a', 'a', 'b', 'c'], 'what was asked for last is kept')
  records.decode(entry('b', 2))
  assert.deepEqual(decoded, ['a', 'a', 'b', 'c', 'b'])
})

test('what cannot be decoded is told each time, and what it was before is not given', () => {
  const { records } = counted(2)
  records.decode(entry('a', 1))
  for (let time = 0; time < 2; time++)
    assert.throws(() => records.decode(entry('a', 2, 'broken')), /it is broken/)
  assert.equal(records.decode(entry('a', 3)), 'a at 3')
})
