import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep } from '../../../src/base/clock.ts'
import { defineSource, port } from '../../../src/component/index.ts'
import { testSource } from '../../../src/testkit/index.ts'
import { rejectsWith } from './errors.ts'

const numbers = defineSource({
  outputs: { out: port<number>() },
  *read({ config }) {
    for (let n = 0; n < Number(config['count'] ?? Infinity); n++) yield n
  },
})

test('take lets so many messages through, and the source does not run ahead of its one place', async () => {
  const source = await testSource(numbers)
  // One that the test holds, and one in the channel.
  assert.equal(source.emitted, 2)
  assert.deepEqual(await source.take(3), [0, 1, 2])
  assert.equal(source.emitted, 5)
  assert.deepEqual(await source.take(2), [3, 4])
  const { out } = await source.end()
  assert.deepEqual(
    out,
    Array.from(out, (_, i) => i + 5),
  )
})

test('rest gives what a source with an end has left', async () => {
  const source = await testSource(numbers, { config: { count: 100 } })
  assert.deepEqual(await source.take(1), [0])
  const { out } = await source.rest()
  assert.deepEqual(
    out,
    Array.from({ length: 99 }, (_, i) => i + 1),
  )
  assert.equal(source.isFinished, true)
})

test('take gives fewer where the source is done, or waits for time', async () => {
  const few = await testSource(numbers, { config: { count: 2 } })
  assert.deepEqual(await few.take(5), [0, 1])
  await few.end()

  const slow = defineSource({
    outputs: { out: port<number>() },
    async *read({ clock, signal }) {
      for (let n = 0; ; n++) {
        await sleep(clock, 1000, signal)
        yield n
      }
    },
  })
  const source = await testSource(slow)
  assert.deepEqual(await source.take(2), [])
  await source.advance(1000)
  assert.deepEqual(await source.take(2), [0])
  await source.close()
})

test('an error of the source is thrown with its name', async () => {
  const broken = defineSource({
    outputs: { out: port<number>() },
    *read() {
      yield 1
      yield 2
      throw new Error('no more')
    },
  })
  await using source = await testSource(broken, { name: 'numbers' })
  await rejectsWith(source.take(2), 'COMPONENT_FAILED', /numbers\[0\] failed: no more/)
})
