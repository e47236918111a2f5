import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '../../../src/testkit/test-clock.ts'
import { type CycleFrame, decodeFrame, encodeCycle } from '../../../src/wire/frame.ts'
import type { WorkerAssignment } from '../../../src/worker/assignment.ts'
import { CycleWatch } from '../../../src/worker/cycles.ts'
import type { HostedInstance } from '../../../src/worker/hosted.ts'
import { PeerSet } from '../../../src/worker/peer-set.ts'

/** Who watches over a cycle, and what it asks, with the answers of others made up: rings of real workers are in `test/scenario`. */

/** An instance to which nothing is connected, and which does nothing. */
const idle = {
  leaving: new Set(),
  inputs: new Map(),
  outputs: new Map(),
  gone: new Map(),
  assigned: { draining: false, inputs: [] },
  component: { awaitsSources: false, inbox: { all: [] } },
  instance: { queued: false, isQuiet: true },
  hasFinished: false,
  hasParked: false,
  switchingPorts: [],
} as unknown as HostedInstance

/** Worker 1 watches over a cycle; the part of it that says something is in worker 2. */
class Asked {
  readonly clock = new TestClock()
  readonly sent: CycleFrame[] = []
  readonly watch: CycleWatch
  mayEnd = true
  #receive: (frame: Uint8Array) => void = () => undefined

  constructor({ isLinked = true } = {}) {
    const peers: PeerSet = new PeerSet({
      arrived: () => undefined,
      creditDue: () => undefined,
      switched: () => undefined,
      cycle: (worker, frame) => this.watch.received(worker, frame),
      tracking: { learn: () => [], received: () => undefined, keepOnly: () => undefined },
      mayAct: () => true,
      failed: (_worker, error) => {
        throw error
      },
    })
    const link = {
      send: (frame: Uint8Array) => void this.sent.push(decodeFrame(frame) as CycleFrame),
      receive: (onFrame: (frame: Uint8Array) => void) => (this.#receive = onFrame),
      close: () => undefined,
    }
    if (isLinked) peers.attach(new Map([[2, link]]))
    this.watch = new CycleWatch({
      clock: this.clock,
      peers,
      hosted: () => idle,
      mayEnd: () => this.mayEnd,
    })
    this.begin(1)
  }

  begin(generation: number): void {
    const cycles = [{ cycle: 7, workers: [1, 2], instances: [1], inputs: [], outputs: [] }]
    this.watch.begin({ worker: 1, generation, cycles } as unknown as WorkerAssignment)
  }

  receive(frame: CycleFrame): void {
    this.#receive(encodeCycle(frame))
  }

  /** Waits for a question, and answers it. */
  answer(of: { generation?: number; state?: number; ends?: number; sent: number; received?: number }): void {
    this.advance(5_100)
    const probe = this.sent.pop()
    assert.ok(probe?.type === 'cycle-probe', 'it asks')
    this.sent.length = 0
    this.receive({
      ...probe,
      type: 'cycle-probed',
      generation: of.generation ?? probe.generation,
      state: of.state ?? 2,
      ends: of.ends ?? 1,
      sent: of.sent,
      received: of.received ?? of.sent,
    })
  }

  advance(ms: number): void {
    const untilMs = this.clock.now() + ms
    while (this.clock.advanceToNext(untilMs) && this.sent.length === 0);
  }

  get hasEnded(): boolean {
    return this.sent.some(({ type }) => type === 'cycle-end')
  }
}

test('two rounds that say the same end a cycle, and one does not', () => {
  const asked = new Asked()
  asked.answer({ sent: 10 })
  assert.equal(asked.hasEnded, false, 'what it had sent may have come back when the others had been asked')
  asked.answer({ sent: 12 })
  assert.equal(asked.hasEnded, false, 'something went round in between')
  asked.answer({ sent: 12 })
  assert.deepEqual(asked.sent, [{ type: 'cycle-end', generation: 1, cycle: 7 }])
})

for (const [what, between] of [
  ['works', { state: 1, sent: 10 }],
  ['may still get something from outside', { state: 0, sent: 10 }],
  ['has sent what has not arrived', { sent: 10, received: 9 }],
  ['has never had an input from outside', { ends: 0, sent: 10 }],
] as const) {
  test(`a cycle that ${what} goes on, and the rounds begin anew`, () => {
    const asked = new Asked()
    asked.answer({ sent: 10 })
    asked.answer(between)
    asked.answer({ sent: 10 })
    assert.equal(asked.hasEnded, false)
    asked.answer({ sent: 10 })
    assert.equal(asked.hasEnded, true)
  })
}

test('CY-1: who has ended a cycle goes on to ask, and ends it again where somebody has not heard of it', () => {
  const asked = new Asked()
  for (let round = 0; round < 2; round++) asked.answer({ sent: 10 })
  assert.equal(asked.hasEnded, true)
  asked.sent.length = 0
  asked.answer({ sent: 11 })
  asked.answer({ sent: 11 })
  assert.equal(asked.hasEnded, true)
})

test('CY-3: rounds are of one generation', () => {
  const asked = new Asked()
  asked.answer({ sent: 10 })
  asked.begin(2)
  asked.answer({ sent: 10 })
  assert.equal(asked.hasEnded, false)
  asked.answer({ sent: 10, generation: 1 })
  assert.equal(asked.hasEnded, false, 'it is of the generation before')
  asked.answer({ sent: 10 })
  assert.equal(asked.hasEnded, true)
})

test('CY-3: who is of another generation, or has not switched with all ports, is at work', () => {
  const asked = new Asked()
  const stateOf = (generation: number): number => {
    asked.receive({ type: 'cycle-probe', generation, cycle: 7, round: 1 })
    const answer = asked.sent.pop()
    assert.ok(answer?.type === 'cycle-probed')
    return answer.state
  }
  assert.equal(stateOf(1), 2)
  assert.equal(stateOf(2), 1)
  asked.mayEnd = false
  assert.equal(stateOf(1), 1)
})

test('an answer that does not come is asked for again, and nobody is asked without a link', () => {
  const asked = new Asked()
  asked.advance(1_000)
  assert.equal(asked.sent.length, 1)
  const [first] = asked.sent.splice(0)
  asked.advance(4_900)
  assert.equal(asked.sent.length, 0, 'one question at a time')
  asked.advance(200)
  const [second] = asked.sent
  assert.ok(first?.type === 'cycle-probe' && second?.type === 'cycle-probe')
  assert.notEqual(first.round, second.round)
  const unlinked = new Asked({ isLinked: false })
  unlinked.advance(60_000)
  assert.deepEqual(unlinked.sent, [])
})
