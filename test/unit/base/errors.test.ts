import assert from 'node:assert/strict'
import test from 'node:test'
import { asError, errorFromData, errorToData, VertigoError } from '../../../src/base/errors.ts'

/** Authors throw anything: each of these has to arrive as something that can be shown. */

function withGetter(field: string): Error {
  return Object.defineProperty(new Error('hidden'), field, {
    get() {
      throw new Error('no reading')
    },
  })
}

test('an error whose fields can be read is given as it is', () => {
  const error = new TypeError('plain', { cause: new Error('inner') })
  assert.equal(asError(error), error)
})

test('sentences that are made of others end with one stop', () => {
  const text = (message: string): string => new VertigoError('USAGE', message).message
  assert.equal(text('Not taken: No node has the group "gpu"..'), 'Not taken: No node has the group "gpu".')
  assert.equal(text('It failed: gone.. The last attempt: late..'), 'It failed: gone. The last attempt: late.')
  for (const meant of [
    'More...',
    'Look in ../..',
    'From 1..9 on.',
    'In /a/.. or C:\\..',
    'Wait... There.',
    '..',
  ])
    assert.equal(text(meant), meant)
})

test('fields that throw when they are read are left out', () => {
  for (const field of ['name', 'message', 'stack', 'cause', 'errors']) {
    const data = errorToData(withGetter(field))
    assert.equal(typeof data.message, 'string', field)
    assert.equal(typeof asError(withGetter(field)).message, 'string', field)
  }
  assert.equal(errorToData(withGetter('stack')).message, 'hidden')
})

test('fields of other types, and objects that answer nothing, become text', () => {
  const odd = Object.assign(new Error('x'), { message: { code: 7 }, name: 3, stack: [] })
  assert.equal(errorToData(odd).message, '{"code":7}')
  const { proxy, revoke } = Proxy.revocable(new Error('gone'), {})
  revoke()
  assert.equal(typeof errorToData(proxy).message, 'string')
  assert.equal(typeof errorToData(Object.create(null)).message, 'string')
})

test('causes that form a circle end', () => {
  const first = new Error('first')
  const second = new Error('second', { cause: first })
  first.cause = second
  const data = errorToData(first)
  assert.equal(data.cause?.message, 'second')
  assert.equal(data.cause.cause, undefined)
  const own = new Error('own')
  own.cause = own
  assert.equal(errorToData(own).cause, undefined)
  assert.equal(errorToData(new VertigoError('INTERNAL', 'around', { cause: first })).cause?.message, 'first')
})

test('causes without end are cut off', () => {
  const endless = (): Error =>
    Object.defineProperty(new Error('again'), 'cause', { get: () => endless(), configurable: true })
  let depth = 0
  for (let data = errorToData(endless()).cause; data !== undefined; data = data.cause) depth++
  assert.ok(depth <= 10)
})

test('a huge message is shortened, and the frames of its stack are kept', () => {
  const data = errorToData(new Error('x'.repeat(10_000_000)))
  assert.ok(data.message.length < 30_000)
  assert.ok(data.stack!.length < 50_000)
  assert.match(data.message, /more characters\)$/)
  assert.match(data.stack!, /errors\.test\.ts:\d+/)
  assert.ok(asError('y'.repeat(1_000_000)).message.length < 30_000)
})

test('the errors of an AggregateError cross threads and processes', () => {
  const error = new AggregateError([new TypeError('one'), 'two'], 'both', { cause: new Error('why') })
  const copy = errorFromData(JSON.parse(JSON.stringify(errorToData(error))) as never) as AggregateError
  assert.ok(copy instanceof AggregateError)
  assert.equal(copy.message, 'both')
  assert.equal((copy.cause as Error).message, 'why')
  assert.deepEqual(
    (copy.errors as Error[]).map(({ name, message }) => `${name}: ${message}`),
    ['TypeError: one', 'Error: two'],
  )
})

test('the errors of an AggregateError are bounded, also where they hold themselves', () => {
  const many = new AggregateError(Array.from({ length: 100_000 }, () => new Error('each')))
  assert.equal(errorToData(many).errors?.length, 10)
  const circle = new AggregateError([], 'circle')
  circle.errors.push(circle, new AggregateError([circle], 'inner'))
  assert.deepEqual(
    errorToData(circle).errors?.map(({ message }) => message),
    ['inner'],
  )
  let tree = new AggregateError([], 'leaf')
  for (let i = 0; i < 30; i++) tree = new AggregateError([tree, tree, tree], `level ${i}`)
  assert.ok(JSON.stringify(errorToData(tree)).length < 200_000)
})
