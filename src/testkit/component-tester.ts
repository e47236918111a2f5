import type { LogRecord, Output, OutputBatch, OutputGroup } from '../component/context.ts'
import type { Kind } from '../component/kind.ts'
import type { Ports } from '../component/port.ts'
import type { RejectedMessage } from '../worker/host.ts'
import type { Received } from './collector.ts'
import type { ComponentTestOptions, Failure } from './options.ts'
import { Rig, type RigOptions } from './rig.ts'
import type { TestClock } from './test-clock.ts'
import type { ComponentTester } from './testers.ts'

/**
 * Runs a component on the real engine, with time and its surroundings in the test's hands.
 *
 * ```ts
 * const tester = await testComponent(splitWords)
 * await tester.send('in', 'a b')
 * assert.deepEqual(tester.take('out'), ['a', 'b'])
 * await tester.end()
 * ```
 *
 * It is harsher than a run: each message goes through the codec on its way in and out, so that what works here works
 * across threads; what arrives and what was emitted is frozen to its depth; every port with a schema is checked;
 * every output holds one message only, so that the engine pauses the component wherever it may.
 *
 * Calls settle: when they are done, the component has done all that it can do without time passing. What makes the
 * component fail is thrown by the call that was under way, and by each one after it, as the `VertigoError` that a run
 * would end with. Close testers (`end`, `close` or `await using`): components may hold resources.
 *
 * The idea of such a tester comes from Hazelcast Jet's `TestSupport`.
 */
export async function testComponent<I extends Ports, O extends Ports, C>(
  kind: Kind<I, O, C>,
  options: ComponentTestOptions<I, O, C> = {},
): Promise<ComponentTester<I, O>> {
  const rig = await Rig.open(kind, options as RigOptions)
  return new OpenTester(rig) as unknown as ComponentTester<I, O>
}

/** A tester at run time, where the types of its ports are gone. */
class OpenTester {
  readonly #rig: Rig

  constructor(rig: Rig) {
    this.#rig = rig
  }

  get clock(): TestClock {
    return this.#rig.stage.clock
  }

  get outputs(): Readonly<Record<string, readonly unknown[]>> {
    return this.#rig.outputs
  }

  get received(): Readonly<Record<string, readonly Received<unknown>[]>> {
    return this.#rig.received
  }

  get log(): readonly LogRecord[] {
    return this.#rig.stage.log
  }

  get rejected(): readonly RejectedMessage[] {
    return this.#rig.stage.rejected
  }

  get queued(): number {
    return this.#rig.queued
  }

  async send(
    first: string | Readonly<Record<string, readonly unknown[]>>,
    ...messages: readonly unknown[]
  ): Promise<void> {
    const inputs = typeof first === 'string' ? { [first]: messages } : first
    for (const [port, list] of Object.entries(inputs)) {
      const feeder = this.#rig.feeder(port)
      for (const message of list) feeder.send(message)
    }
    await this.settle()
  }

  async group(
    port: string,
    name: string | undefined,
    args: unknown,
    fill: (group: OutputGroup<unknown>) => void,
  ): Promise<void> {
    fillAndEnd(this.#rig.feeder(port).group(name, args), fill)
    await this.settle()
  }

  async batch(port: string, args: unknown, fill: (batch: OutputBatch<unknown>) => void): Promise<void> {
    fillAndEnd(this.#rig.feeder(port).batch(args), fill)
    await this.settle()
  }

  sender(port: string): Output<unknown> {
    const feeder = this.#rig.feeder(port)
    return Object.assign((message: unknown) => feeder.send(message), {
      group: (name?: string, args?: unknown) => feeder.group(name, args),
      batch: (args?: unknown) => feeder.batch(args),
    })
  }

  async endInput(port: string): Promise<void> {
    this.#rig.feeder(port).end()
    await this.settle()
  }

  settle(): Promise<void> {
    return this.#rig.stage.settle()
  }

  advance(ms: number): Promise<void> {
    return this.#rig.stage.advance(ms)
  }

  until(condition: () => boolean): Promise<void> {
    return this.#rig.stage.until(condition)
  }

  take(port: string): unknown[] {
    return this.#rig.collector(port).takeAll()
  }

  async release(port: string, count = 1): Promise<void> {
    this.#rig.collector(port).release(count)
    await this.settle()
  }

  failNext(port: string, failure: Failure = {}): void {
    this.#rig.failInput(port, failure)
  }

  failNextEmit(port: string, failure: Failure = {}): void {
    this.#rig.failOutput(port, failure)
  }

  async end(): Promise<Readonly<Record<string, readonly unknown[]>>> {
    return this.#rig.end()
  }

  close(): Promise<void> {
    return this.#rig.stage.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function fillAndEnd<G extends OutputBatch<unknown>>(group: G, fill: (group: G) => void): void {
  let ended = false
  fill({
    ...group,
    end: (args: unknown) => {
      ended = true
      group.end(args)
    },
  })
  if (!ended) group.end()
}
