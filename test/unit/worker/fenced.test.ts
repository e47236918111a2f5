import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../../src/base/random.ts'
import { defineComponent, defineSource, port } from '../../../src/component/index.ts'
import { allocateFence, Fence, setFence } from '../../../src/run/fence.ts'
import { eventLoopTurn, TestClock } from '../../../src/testkit/test-clock.ts'
import { inProcessLinks } from '../../../src/transport/in-process.ts'
import type { Link } from '../../../src/transport/link.ts'
import { decodeFrame } from '../../../src/wire/frame.ts'
import type { InstanceAssignment } from '../../../src/worker/assignment.ts'
import { Worker } from '../../../src/worker/worker.ts'
import { assignmentOf, inputOf, instanceOf, outputOf } from '../../support/assignments.ts'

/** What a worker does whose fence closes while it is told to go on. */

const periodMs = 10

/** Worker 1, with peers 2 and 3 that only listen. */
class FencedWorker {
  readonly clock = new TestClock()
  readonly worker: Worker
  /** By peer: what has left, and when. */
  readonly left = new Map<number, string[]>()
  /** What sources have made, by the name of the component. */
  readonly made = new Map<string, number>()
  readonly got: string[] = []
  readonly links = new Map<number, Link>()
  readonly #shared = allocateFence()

  constructor() {
    this.open()
    const { clock } = this
    const fence = new Fence(this.#shared, { own: clock, machine: clock }, () => this.worker)
    this.worker = new Worker(assignmentOf(1, 0, { workers: [1], instances: [] }), {
      clock,
      random: seededRandom(1),
      load: ({ address }) => Promise.resolve(address === 'sink' ? this.#sink() : this.#source(address)),
      check: 'none',
      isolates: true,
      mayAct: fence.mayAct,
      counters: { write: () => undefined, running: () => undefined, ready: () => undefined },
      events: {
        finished: () => undefined,
        failed: (error) => assert.fail(error as Error),
        rejected: (_record, taken) => taken(),
        metric: () => undefined,
        logged: (_record, taken) => taken(),
      },
    })
    for (const peer of [2, 3]) {
      const [here, there] = inProcessLinks(clock)
      this.links.set(peer, here)
      there.receive((bytes) => {
        const frame = decodeFrame(bytes)
        if (frame.type === 'parcel')
          this.left.set(peer, [...(this.left.get(peer) ?? []), ...(frame.items as string[])])
      })
    }
  }

  open(): void {
    setFence(this.#shared, { deadlineMs: Infinity, wallAheadMsMax: Infinity })
  }

  shut(): void {
    setFence(this.#shared, { deadlineMs: -Infinity, wallAheadMsMax: Infinity })
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.clock.now() + ms
    do {
      do {
        this.clock.runSoon()
        await eventLoopTurn()
      } while (this.clock.hasSoon)
    } while (this.clock.advanceToNext(untilMs))
  }

  async goOver(generation: number, instances: readonly InstanceAssignment[], links = this.links) {
    await this.worker.prepareNext(assignmentOf(1, generation, { workers: [1, 2, 3], instances }))
    this.worker.switchOver(links)
  }

  #source(name: string) {
    return defineSource({
      outputs: { out: port<string>() },
      setup: ({ clock }) => ({
        poll: (_max, { emit }) =>
          new Promise((resolve) => {
            clock.after(periodMs, () => {
              const n = (this.made.get(name) ?? 0) + 1
              this.made.set(name, n)
              emit.out(`${name}${n}`)
              resolve('more')
            })
          }),
      }),
    })
  }

  #sink() {
    return defineComponent({
      inputs: { in: port<string>() },
      on: { in: (message: string) => void this.got.push(message) },
    })
  }
}

const toBoth = [
  { channel: 12, toWorker: 2 },
  { channel: 13, toWorker: 3 },
]
const tick = instanceOf(1, 'tick', { outputs: [outputOf('all', toBoth)] })
const fresh = instanceOf(2, 'fresh', { outputs: [outputOf('all', [{ channel: 23, toWorker: 1 }])] })
const sink = instanceOf(3, 'sink', { inputs: [inputOf(23, 1)] })

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `tick${i + 1}`)

test('a fence that is shut when a worker is to go on holds all of it, what begins then as well, until it opens', async () => {
  const fenced = new FencedWorker()
  const { worker, left, made, got } = fenced
  await fenced.goOver(1, [tick])
  await fenced.advance(35)
  assert.deepEqual(left.get(2), numbered(3))
  worker.hold()
  await fenced.advance(periodMs)
  assert.equal(made.get('tick'), 4, 'a poll was under way: what it made waits for both peers')
  fenced.shut()
  await fenced.goOver(2, [tick, fresh, sink], new Map())
  await fenced.advance(15)
  assert.deepEqual([left.get(2), left.get(3)], [numbered(3), numbered(3)])
  assert.deepEqual([made.get('tick'), made.get('fresh')], [4, undefined], 'nothing was asked for')

  fenced.open()
  await fenced.advance(300)
  const count = made.get('tick')!
  assert.ok(count > 20 && got.length > 20, 'all goes on')
  assert.deepEqual([left.get(2), left.get(3)], [numbered(count), numbered(count)], 'in its order')

  worker.hold()
  await fenced.advance(periodMs)
  const before = [...made.values()]
  await fenced.advance(100)
  assert.deepEqual([...made.values()], before, 'it is held as before')
  await worker.close()
})
