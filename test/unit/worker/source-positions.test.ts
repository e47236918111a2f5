import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { defineComponent, defineSource, type Kind, port } from '../../../src/component/index.ts'
import { generator } from '../../../src/connectors/generate/generator.ts'
import type { InstanceAssignment } from '../../../src/worker/assignment.ts'
import { SourceInstance } from '../../../src/worker/source-instance.ts'
import type { Worker } from '../../../src/worker/worker.ts'
import { eventually } from '../../support/eventually.ts'
import { workerWith } from './small-worker.ts'

/** A source of the kind, from positions, and a component that keeps what it sends. */
function setUp(kind: Kind, rest: Partial<InstanceAssignment>, got: unknown[], stopAt = Infinity): Worker {
  const sink = defineComponent({
    inputs: { in: port() },
    setup: ({ inputs }) => ({
      on: {
        in: (message) => {
          got.push(message)
          if (got.length >= stopAt) inputs.in.pause()
        },
      },
    }),
  })
  return workerWith(systemClock, { source: kind, sink }, { queueMessagesMax: 16, source: rest })
}

test('a worker starts a source from the positions of its assignment, and asks it how far it has come', async () => {
  const config = { count: 100 }
  const first: unknown[] = []
  const worker = setUp(generator, { config }, first, 10)
  await worker.prepare()
  worker.start()
  await eventually('the sink has stopped', () => first.length >= 10)
  const source = worker.hosted.find((each): each is SourceInstance => each instanceof SourceInstance)!
  const { positions, sent } = source
  assert.deepEqual(positions, { '0/1': { version: 1, position: sent } })
  await worker.close()

  const second: unknown[] = []
  const next = setUp(generator, { config, positions }, second)
  await next.prepare()
  next.start()
  await eventually('the rest has come', () => second.length === 100 - sent)
  assert.deepEqual(
    second,
    Array.from({ length: 100 - sent }, (_, n) => sent + n),
  )
  await next.close()
})

test('a source that says it rewinds and cannot say where it is, is refused', async () => {
  const kind = defineSource({
    outputs: { out: port<number>() },
    rewinds: true,
    setup: () => ({ poll: () => 'done' as const }),
  })
  const worker = setUp(kind, {}, [])
  await assert.rejects(worker.prepare(), { code: 'SOURCE_MISUSED', message: /`positions`/ })
  await worker.close()
})
