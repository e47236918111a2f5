import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as v from 'valibot'
import { sleep } from '../../../src/base/clock.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import { seededRandom } from '../../../src/base/random.ts'
import {
  defineComponent,
  defineSource,
  type OutputGroup,
  type Port,
  port,
} from '../../../src/component/index.ts'
import { defaultChannelLimits } from '../../../src/messaging/limits.ts'
import { eventLoopTurn, TestClock } from '../../../src/testkit/test-clock.ts'
import { inProcessLinks } from '../../../src/transport/in-process.ts'
import type { InstanceAssignment, WorkerAssignment } from '../../../src/worker/assignment.ts'
import { Worker } from '../../../src/worker/worker.ts'
import { assignmentOf, inputOf, instanceOf, outputOf } from '../../support/assignments.ts'

/** What a switch promises beyond what random changes show: `test/scenario/random-changes.test.ts`. */

const portSwitchMsMax = 500

class TwoWorkers {
  readonly clock = new TestClock()
  readonly got: string[] = []
  readonly warnings: string[] = []
  readonly finished: number[] = []
  readonly failed: { readonly error: unknown; readonly id: number | undefined }[] = []
  readonly a: Worker
  readonly b: Worker
  readonly links = inProcessLinks(this.clock)
  group: OutputGroup<string> | undefined

  constructor(check: 'edges' | 'none' = 'none') {
    this.a = this.#worker(1, check)
    this.b = this.#worker(2, check)
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

  /** A sends `n1`, `n2`, ..., one each 10 ms; with `opensGroup`, in a group that nobody ends. */
  source(channels: readonly number[], rest: Partial<InstanceAssignment> = {}): InstanceAssignment {
    const out = channels.map((channel) => ({ channel, toWorker: 2 }))
    const outputs = [outputOf('all', out)]
    return instanceOf(1, 'source', { outputs: channels.length === 0 ? [] : outputs, ...rest })
  }

  sink(channels: readonly number[], rest: Partial<InstanceAssignment> = {}): InstanceAssignment {
    const inputs = channels.map((channel) => inputOf(channel, 1))
    return instanceOf(2, 'sink', { inputs, ...rest })
  }

  #worker(number: number, check: 'edges' | 'none'): Worker {
    const kinds: Record<string, unknown> = {
      source: this.#source(),
      sink: this.#sink(port<string>()),
      'slow-sink': this.#slowSink(),
      'picky-sink': this.#sink(port(v.pipe(v.string(), v.maxLength(2)))),
    }
    return new Worker(assignment(number, 0, []), {
      clock: this.clock,
      random: seededRandom(number),
      load: ({ address }) => Promise.resolve(kinds[address]),
      check,
      isolates: true,
      portSwitchMsMax,
      counters: { write: () => undefined, running: () => undefined, ready: () => undefined },
      events: {
        finished: () => undefined,
        instanceFinished: (id) => this.finished.push(id),
        failed: (error, id) => this.failed.push({ error, id }),
        linkFailed: (_worker, error) => this.failed.push({ error, id: undefined }),
        rejected: (_record, taken) => taken(),
        metric: () => undefined,
        logged: (record, taken) => {
          this.warnings.push(record.message)
          taken()
        },
      },
    })
  }

  #source() {
    const opened = (group: OutputGroup<string>): OutputGroup<string> => (this.group = group)
    return defineSource({
      outputs: { out: port<string>() },
      setup: ({ clock, config }) => {
        let n = 0
        let open: OutputGroup<string> | undefined
        return {
          poll: (_max, { emit }) =>
            new Promise((resolve) => {
              clock.after(10, () => {
                if (config['opensGroup'] === true) open ??= opened(emit.out.group('g'))
                const send = open === undefined ? emit.out : (message: string) => open!.send(message)
                send(`n${++n}`)
                resolve('more')
              })
            }),
        }
      },
    })
  }

  #slowSink() {
    const { clock, got } = this
    return defineComponent({
      inputs: { in: port<string>() },
      on: { in: (message) => sleep(clock, 50).then(() => void got.push(message)) },
    })
  }

  #sink(input: Port<string>) {
    const { got } = this
    return defineComponent({
      inputs: { in: input },
      on: { in: (message) => void got.push(message) },
      groups: {
        in: {
          '*': {
            start: () => void got.push('start'),
            message: (message) => void got.push(message),
            end: () => void got.push('end'),
          },
        },
      },
    })
  }
}

function assignment(
  worker: number,
  generation: number,
  instances: readonly InstanceAssignment[],
  workers: readonly number[] = [1, 2],
): WorkerAssignment {
  const limits = { ...defaultChannelLimits, queueMessagesMax: 4 }
  return assignmentOf(worker, generation, { workers, instances, limits, emitPerMessageMax: 100 })
}

async function begin(two: TwoWorkers, a: InstanceAssignment, b: InstanceAssignment): Promise<void> {
  await two.a.prepareNext(assignment(1, 1, [a]))
  await two.b.prepareNext(assignment(2, 1, [b]))
  two.a.switchOver(new Map([[2, two.links[0]]]))
  two.b.switchOver(new Map([[1, two.links[1]]]))
}

test('WI-2: what comes over a new channel waits until its receiver has switched as well, held up by credit', async () => {
  const two = new TwoWorkers()
  await begin(two, two.source([]), two.sink([]))
  await two.a.prepareNext(assignment(1, 2, [two.source([7])]))
  await two.b.prepareNext(assignment(2, 2, [two.sink([7])]))
  two.a.switchOver(new Map())
  await two.advance(300)
  assert.equal(two.got.length, 0)
  two.b.switchOver(new Map())
  await two.advance(50)
  const first = Number(two.got[0]!.slice(1))
  assert.ok(two.got.length >= 5)
  assert.deepEqual(
    two.got,
    two.got.map((_, i) => `n${first + i}`),
  )
  assert.deepEqual(two.failed, [])
  await Promise.all([two.a.close(), two.b.close()])
})

test('WI-5: what is sent over a channel that replaces another one comes after all that was sent over that', async () => {
  const two = new TwoWorkers()
  const slow = (channels: readonly number[]): InstanceAssignment => {
    const inputs = channels.map((channel) => inputOf(channel, 1, { from: 1 }))
    return instanceOf(2, 'slow-sink', { inputs })
  }
  await begin(two, two.source([7]), slow([7]))
  await two.advance(100)
  for (const [at, channel] of [8, 9].entries()) {
    await two.a.prepareNext(assignment(1, 2 + at, [two.source([channel])]))
    await two.b.prepareNext(assignment(2, 2 + at, [slow([channel])]))
    two.a.switchOver(new Map())
    two.b.switchOver(new Map())
    await two.advance(30)
  }
  await two.advance(1_000)
  assert.ok(two.got.length >= 15)
  assert.deepEqual(
    two.got,
    two.got.map((_, i) => `n${1 + i}`),
  )
  assert.deepEqual(two.failed, [])
  await Promise.all([two.a.close(), two.b.close()])
})

test('WO-3: nobody waits for a channel of a plan that its source has never followed', async () => {
  const two = new TwoWorkers()
  await begin(two, two.source([]), two.sink([]))
  await two.b.prepareNext(assignment(2, 2, [two.sink([7])]))
  await two.b.prepareNext(assignment(2, 3, [two.sink([], { draining: true })]))
  two.b.switchOver(new Map())
  await two.advance(100)
  assert.deepEqual(two.finished, [], 'the source may still have switched to the plan with the channel')
  await two.a.prepareNext(assignment(1, 3, [two.source([])]))
  two.a.switchOver(new Map())
  await two.advance(100)
  assert.deepEqual(two.finished, [2])
  await Promise.all([two.a.close(), two.b.close()])
})

test('OP-4: a port waits for its open group; one that is never ended fails its instance, by name', async () => {
  const two = new TwoWorkers()
  await begin(two, two.source([7], { config: { opensGroup: true } }), two.sink([7]))
  await two.advance(30)
  await two.a.prepareNext(assignment(1, 2, [two.source([], { config: { opensGroup: true } })]))
  await two.b.prepareNext(assignment(2, 2, [two.sink([])]))
  two.a.switchOver(new Map())
  two.b.switchOver(new Map())
  const before = two.got.length
  await two.advance(portSwitchMsMax / 2)
  assert.ok(two.got.length > before, 'the group goes on to where it began')
  assert.equal(two.a.hasSwitched, false)
  await two.advance(portSwitchMsMax)
  const [failure] = two.failed
  assert.equal(failure?.id, 1)
  assert.ok(isVertigoError(failure?.error) && failure.error.code === 'PORT_SWITCH_TIMEOUT')
  assert.match(failure.error.message, /source\[0\]: output port "out" has had a group or batch open/)
  await Promise.all([two.a.close(), two.b.close()])
})

test('WO-4: a group whose sender is gone is given up, without its end, and what had come of it is handled', async () => {
  const two = new TwoWorkers()
  await begin(two, two.source([7], { config: { opensGroup: true } }), two.sink([7]))
  await two.advance(35)
  await two.a.close()
  await two.b.prepareNext(assignment(2, 2, [two.sink([])], [2]))
  two.b.switchOver(new Map())
  await two.advance(20)
  assert.deepEqual(two.got, ['start', 'n1', 'n2', 'n3'])
  assert.deepEqual(two.warnings, ['group "g" at port "in" of sink[0] is given up: its sender is gone'])
  assert.deepEqual(two.finished, [], 'it waits for another source')
  await two.b.close()
})

test('a preparation that is overtaken is fulfilled with false, and what both have in common is set up once', async () => {
  const two = new TwoWorkers()
  const first = two.a.prepareNext(assignment(1, 1, [two.source([])]))
  const second = two.a.prepareNext(assignment(1, 2, [two.source([])]))
  assert.deepEqual(await Promise.all([first, second]), [false, true])
  assert.equal(two.a.hosted.length, 1)
  await two.a.close()
})

test('WO-5: an instance has finished when what it has sent has arrived', async () => {
  const two = new TwoWorkers()
  await two.a.prepareNext(assignment(1, 1, [two.source([7])]))
  await two.b.prepareNext(assignment(2, 1, [two.sink([7])]))
  two.a.switchOver(new Map([[2, two.links[0]]]))
  two.b.switchOver(new Map())
  await two.advance(35)
  await two.a.prepareNext(assignment(1, 2, [two.source([7], { draining: true })]))
  two.a.switchOver(new Map())
  await two.advance(2_000)
  assert.deepEqual(two.finished, [], 'nothing has arrived')
  two.b.attach(new Map([[1, two.links[1]]]))
  await two.advance(10)
  assert.deepEqual(two.finished, [1])
  assert.ok(two.got.length >= 3)
  await Promise.all([two.a.close(), two.b.close()])
})

test('WI-4: a channel that its draining source has ended is not made anew by a plan that still has it', async () => {
  const two = new TwoWorkers()
  await begin(two, two.source([7]), two.sink([7]))
  await two.advance(35)
  for (const generation of [2, 3]) {
    await two.a.prepareNext(assignment(1, generation, [two.source([7], { draining: true })]))
    await two.b.prepareNext(assignment(2, generation, [two.sink([7], { draining: generation === 3 })]))
    two.a.switchOver(new Map())
    two.b.switchOver(new Map())
    await two.advance(2_000)
    assert.deepEqual(two.b.channels.inputs, [7])
  }
  assert.deepEqual(two.finished, [1, 2])
  await Promise.all([two.a.close(), two.b.close()])
})

test('WO-3: workers that share no channel any more tell each other over a link that is made for it', async () => {
  const two = new TwoWorkers()
  await two.a.prepareNext(assignment(1, 3, [two.source([])]))
  await two.b.prepareNext(assignment(2, 2, [two.sink([7])]))
  await two.b.prepareNext(assignment(2, 3, [two.sink([], { draining: true })]))
  two.a.switchOver(new Map())
  two.b.switchOver(new Map())
  await two.advance(100)
  assert.deepEqual(two.finished, [])
  assert.deepEqual(two.b.unlinkedPeers, [1])
  two.b.attach(new Map([[1, two.links[1]]]))
  two.a.attach(new Map([[2, two.links[0]]]))
  await two.advance(100)
  assert.deepEqual(two.finished, [2])
  assert.deepEqual(two.b.unlinkedPeers, [])
  await Promise.all([two.a.close(), two.b.close()])
})

test('who has lost a source that had finished comes to its end without an input; who has none waits for one', async () => {
  const two = new TwoWorkers()
  await begin(two, two.source([7]), two.sink([7]))
  await two.advance(35)
  // The source's worker is gone: its channel is ended here.
  await two.a.close()
  await two.b.prepareNext(assignment(2, 2, [two.sink([])], [2]))
  two.b.switchOver(new Map())
  await two.advance(100)
  assert.deepEqual(two.finished, [], 'it may get another input')
  await two.b.prepareNext(assignment(2, 3, [two.sink([], { hasDoneSources: true })], [2]))
  two.b.switchOver(new Map())
  await two.advance(100)
  assert.deepEqual(two.finished, [2])
  await two.b.close()
})

test('CH-4: what an instance that was taken out still tries to send goes nowhere', async () => {
  const two = new TwoWorkers()
  await begin(two, two.source([7]), two.sink([7]))
  await two.advance(35)
  // Without draining, as where it has failed: its poll is under way, and sends.
  await two.a.prepareNext(assignment(1, 2, []))
  await two.b.prepareNext(assignment(2, 2, [two.sink([])]))
  two.a.switchOver(new Map())
  two.b.switchOver(new Map())
  await two.advance(100)
  assert.deepEqual(two.got, ['n1', 'n2', 'n3'])
  assert.deepEqual(two.failed, [])
  await Promise.all([two.a.close(), two.b.close()])
})

for (const opensGroup of [false, true])
  test(`a port is checked as soon as it is connected to the edge of the network${opensGroup ? ', in groups as well' : ''}`, async () => {
    const two = new TwoWorkers('edges')
    const source = { config: { opensGroup } }
    const picky = { kind: { address: 'picky-sink', base: '' } }
    const sink = (channels: readonly number[], edge: number): InstanceAssignment => {
      const made = two.sink(channels, picky)
      const inputs = made.inputs.map((input) => ({ ...input, fromEdge: input.channel === edge }))
      return { ...made, inputs }
    }
    await begin(two, two.source([7], { config: { opensGroup: false } }), sink([7], 8))
    await two.advance(125)
    assert.ok(two.got.includes('n12'), 'it is within the network: its messages are trusted')
    assert.equal(two.failed.length, 0)
    await two.a.prepareNext(assignment(1, 2, [{ ...two.source([8], source), id: 3 }]))
    await two.b.prepareNext(assignment(2, 2, [sink([8], 8)]))
    two.a.switchOver(new Map())
    two.b.switchOver(new Map())
    await two.advance(125)
    const [failure] = two.failed
    assert.equal(failure?.id, 2)
    assert.ok(isVertigoError(failure?.error) && failure.error.code === 'MESSAGE_INVALID')
    assert.deepEqual(two.got.slice(-1), ['n9'], 'what is as it should be is taken')
    await Promise.all([two.a.close(), two.b.close()])
  })
