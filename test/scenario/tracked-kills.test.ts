import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { defineComponent, port } from '../../src/component/index.ts'
import { eventLoopTurn, TestClock } from '../../src/testkit/test-clock.ts'
import { inProcessLinks } from '../../src/transport/in-process.ts'
import type { InstanceAssignment, WorkerAssignment } from '../../src/worker/assignment.ts'
import type { RejectedMessage } from '../../src/worker/host.ts'
import { Worker } from '../../src/worker/worker.ts'
import { assignmentOf, inputOf, instanceOf, outputOf } from '../support/assignments.ts'
import { trackedSource } from '../support/tracked-source.ts'

/**
 * A source, a relay and a sink, each in a worker of its own; the relay's is killed over and over, with all that is in it and on
 * its links, and replaced by one of another number. What comes back from the sink has no way but over the relay. With
 * replay, each tracked message is heard of exactly once, and is handled at least once or is in the dead letters.
 */

const messages = 120
const isPoison = (message: number): boolean => message % 17 === 5

class World {
  readonly clock = new TestClock()
  readonly handled: number[] = []
  readonly dead: RejectedMessage[] = []
  readonly source = trackedSource(
    Array.from({ length: messages }, (_, n) => n),
    {
      track: { timeoutMs: 300, openMessagesMax: 20, replay: { times: 8, delayMs: 10 } },
    },
  )
  readonly sourceWorker: Worker
  readonly sinkWorker: Worker
  relayWorker: Worker
  #relay = 10
  #generation = 0
  readonly #random: Random

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    this.sourceWorker = this.#worker(1)
    this.sinkWorker = this.#worker(3)
    this.relayWorker = this.#worker(this.#relay)
  }

  /** Another relay takes the place of the one that there was. */
  async replace(): Promise<void> {
    this.#generation++
    if (this.#generation > 1) {
      await this.relayWorker.close()
      this.#relay++
      this.relayWorker = this.#worker(this.#relay)
    }
    const relay = this.#relay
    const [first, second] = [100 + this.#generation * 2, 101 + this.#generation * 2]
    const to = (toWorker: number, channel: number) => [outputOf('round-robin', [{ channel, toWorker }])]
    await this.sourceWorker.prepareNext(
      this.#assign(1, instanceOf(1, 'source', { outputs: to(relay, first) })),
    )
    await this.relayWorker.prepareNext(
      this.#assign(
        relay,
        instanceOf(relay, 'relay', { inputs: [inputOf(first, 1)], outputs: to(3, second), concurrency: 4 }),
      ),
    )
    await this.sinkWorker.prepareNext(
      this.#assign(3, instanceOf(3, 'sink', { inputs: [inputOf(second, relay)], errors: 'reject' })),
    )
    const [atSource, fromSource] = inProcessLinks(this.clock)
    const [toSink, atSink] = inProcessLinks(this.clock)
    this.sinkWorker.switchOver(new Map([[relay, atSink]]))
    this.relayWorker.switchOver(
      new Map([
        [1, fromSource],
        [3, toSink],
      ]),
    )
    this.sourceWorker.switchOver(new Map([[relay, atSource]]))
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

  #assign(worker: number, instance: InstanceAssignment): WorkerAssignment {
    return assignmentOf(worker, this.#generation, {
      workers: [1, this.#relay, 3],
      instances: [instance],
      guarantee: 'at-most-once',
    })
  }

  #worker(number: number): Worker {
    const random = this.#random
    const relay = defineComponent({
      inputs: { in: port<number>() },
      outputs: { out: port<number>() },
      on: {
        async in(message, { emit, clock }) {
          if (message % 3 === 0) emit.out(message)
          await new Promise<void>((resolve) => {
            clock.after(random.int(40), resolve)
          })
          emit.out(message)
        },
      },
    })
    const sink = defineComponent({
      inputs: { in: port<number>() },
      on: {
        in: (message) => {
          if (isPoison(message)) throw new Error('poison')
          this.handled.push(message)
        },
      },
    })
    const kinds: Readonly<Record<string, unknown>> = { source: this.source.kind, relay, sink }
    return new Worker(assignmentOf(number, 0, { workers: [number], instances: [] }), {
      clock: this.clock,
      random: seededRandom(number),
      load: ({ address }) => Promise.resolve(kinds[address]),
      check: 'none',
      isolates: true,
      counters: { write: () => undefined, running: () => undefined, ready: () => undefined },
      events: {
        finished: () => undefined,
        failed: (error) => assert.fail(String(error)),
        linkFailed: (_worker, error) => assert.fail(String(error)),
        rejected: (record, taken) => {
          if (record.component === 'source') this.dead.push(record)
          taken()
        },
        metric: () => undefined,
        logged: (_record, taken) => taken(),
      },
    })
  }
}

for (let seed = 1; seed <= 20; seed++) {
  test(`seed ${seed}: of what is replayed, all is handled or dead, and heard of once`, async () => {
    const world = new World(seed)
    const chance = seededRandom(seed * 7)
    await world.replace()
    for (let kill = 0; kill < 6; kill++) {
      await world.advance(chance.int(250))
      await world.replace()
    }
    await world.advance(30_000)
    const { heard } = world.source
    const outcomes = new Map(heard.map((line) => [Number(/^\w+ (\d+)/.exec(line)?.[1]), line]))
    assert.equal(heard.length, messages, `seed ${seed}: each is heard of once`)
    assert.equal(outcomes.size, messages, `seed ${seed}: and all of them`)
    const handled = new Set(world.handled)
    const dead = new Map(world.dead.map((record) => [record.message as number, record.error]))
    for (let n = 0; n < messages; n++) {
      const outcome = outcomes.get(n)!
      assert.equal(outcome.startsWith('ack'), !isPoison(n), `seed ${seed}: ${outcome}`)
      assert.equal(dead.has(n), isPoison(n), `seed ${seed}: ${n} in the dead letters`)
      if (!isPoison(n)) assert.ok(handled.has(n), `seed ${seed}: ${n} was not handled`)
      else {
        const { code, message } = dead.get(n)!
        assert.equal(code, 'TRACKED_FAILED')
        assert.match(message, /^sink\[0\] failed at port "in": poison; it was sent 9 times$/)
      }
    }
    assert.ok(world.handled.length > handled.size, 'some were sent again after they had been handled')
    await Promise.all([world.sourceWorker, world.relayWorker, world.sinkWorker].map((one) => one.close()))
  })
}
