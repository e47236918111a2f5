import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineComponent, defineSource, type Kind, port, value } from '../../../../src/component/index.ts'
import { Stage } from './stage.ts'

/** Sends numbers of a batch that stays open, or nothing at all, and never ends. */
function inBatch(numbers: readonly number[]): Kind {
  return defineSource({
    outputs: { out: port<number>() },
    rewinds: true,
    setup({ signal }) {
      let isSent = numbers.length === 0
      return {
        poll(_max, { emit }) {
          if (isSent)
            return new Promise((resolve) => {
              signal.addEventListener('abort', () => resolve('done'), { once: true })
            })
          isSent = true
          const batch = emit.out.batch({ day: 1 })
          for (const n of numbers) batch.send(n)
          return 'more'
        },
        positions: () => ({}),
      }
    },
  })
}

test('a batch that was open at the cut begins again where it goes on, and its start is told so', async () => {
  const started: unknown[] = []
  const kind = defineComponent({
    inputs: { in: port<number>() },
    state: { sum: value(0, { scope: 'instance' }) },
    batches: {
      in: {
        start(args, { state }, { resumed }) {
          started.push({ args, resumed })
          if (!resumed) state.sum.set(0)
        },
        message: (n, { state }) => void state.sum.update((sum) => sum + n),
      },
    },
  })
  const stage = new Stage()
  const first = await stage.begin({ kind, source: inBatch([1, 2, 3]), handles: 3 })
  const from = await first.take()
  await first.close()
  assert.deepEqual(started, [{ args: { day: 1 }, resumed: false }])
  const second = await stage.begin({ kind, source: inBatch([]), from, handles: 0 })
  await second.until('its start', () => started.length === 2)
  assert.deepEqual(started[1], { args: { day: 1 }, resumed: true })
  assert.deepEqual(second.ofInstances, [{ sum: 6 }])
  // It is open in the next one as well.
  const again = await second.take()
  await second.close()
  const third = await stage.begin({ kind, source: inBatch([]), from: again, handles: 0 })
  await third.until('its start', () => started.length === 3)
  assert.deepEqual([started[2], third.ofInstances], [{ args: { day: 1 }, resumed: true }, [{ sum: 6 }]])
  await third.close()
})
