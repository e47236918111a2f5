import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { defineComponent, defineSource, type Kind, port } from '../../../src/component/index.ts'
import { generator } from '../../../src/connectors/generate/generator.ts'
import { defaultChannelLimits } from '../../../src/messaging/limits.ts'
import type { InstanceAssignment } from '../../../src/worker/assignment.ts'
import { SourceInstance } from '../../../src/worker/source-instance.ts'
import { Worker } from '../../../src/worker/worker.ts'
import { assignmentOf, inputOf, instanceOf, outputOf } from '../../support/assignments.ts'
import { eventually } from '../../support/eventually.ts'

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
  const channel = 7
  const assignment = assignmentOf(0, 0, {
    workers: [0],
    instances: [
      instanceOf(1, 'source', { outputs: [outputOf('all', [{ channel, toWorker: 0 }])], ...rest }),
      instanceOf(2, 'sink', { inputs: [inputOf(channel, 0, { fromEdge: true })] }),
    ],
    limits: { ...defaultChannelLimits, queueMessagesMax: 16 },
    emitPerMessageMax: 1000,
  })
  return new Worker(assignment, {
    clock: systemClock,
    random: seededRandom(1),
    load: async ({ address }) => (address === 'source' ? kind : sink),
    check: 'none',
    counters: { write: () => undefined, running: () => undefined, ready: () => undefined },
    events: {
      finished: () => undefined,
      failed: (error) => assert.fail(String(error)),
      rejected: (_record, taken) => taken(),
      metric: () => undefined,
      logged: (_record, taken) => taken(),
    },
  })
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
