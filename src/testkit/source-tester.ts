import type { Kind } from '../component/kind.ts'
import type { MessageOf, Ports } from '../component/port.ts'
import type { Bench } from './bench.ts'
import { componentBench, type ErasedOptions } from './component-bench.ts'
import { OpenTester } from './open-tester.ts'
import type { ComponentTestOptions, Outputs, OutputSettings, Passing } from './options.ts'
import type { Tester } from './testers.ts'

export type SourceTestOptions<O extends Ports, C> = Omit<
  ComponentTestOptions<{}, O, C>,
  'inputs' | 'concurrency' | 'order' | 'errors'
>

export interface SourceTester<O extends Ports> extends Omit<Tester<O>, 'take'> {
  /** Messages that the source has emitted, whether they were let through or not: shows whether it runs ahead. */
  readonly emitted: number
  /** The source has said that it is done, and everything of it has been let through. */
  readonly isFinished: boolean
  /**
   * Lets up to `count` messages of a port through and gives them: fewer where the source is done, or waits for time to
   * pass. Default port: the first. Errors: CLOSE_TIMEOUT where they do not come within 30 s.
   */
  take<P extends keyof O & string>(count: number, port?: P): Promise<MessageOf<O[P]>[]>
  /** Lets everything through until the source is done; for sources that have an end. */
  rest(): Promise<Outputs<O>>
  /** Asks the source to end, as when a run is interrupted, and closes it. Returns what was emitted and not taken. */
  end(): Promise<Outputs<O>>
}

/**
 * Runs a source on the real engine, message by message: it is asked for more only as `take` makes room.
 *
 * ```ts
 * const source = await testSource(generator, { config: { count: 3 } })
 * assert.deepEqual(await source.take(2), [0, 1])
 * assert.deepEqual(await source.rest(), { out: [2] })
 * ```
 *
 * What is said of `testComponent` holds here too: copies, frozen messages, checks, time, one place in each output.
 */
export async function testSource<O extends Ports, C>(
  kind: Kind<{}, O, C>,
  options: SourceTestOptions<O, C> = {},
): Promise<SourceTester<O>> {
  const erased = options as ErasedOptions
  const outputs: Record<string, OutputSettings> = {}
  for (const port of Object.keys(kind.outputs)) outputs[port] = { hold: true, ...erased.outputs?.[port] }
  const bench = await componentBench(kind, { name: 'source', ...erased, outputs })
  return new OpenSourceTester(bench) as unknown as SourceTester<O>
}

/** Differs from other testers in what `take` and `end` mean. */
class OpenSourceTester {
  readonly #bench: Bench
  readonly #tester: OpenTester

  constructor(bench: Bench) {
    this.#bench = bench
    this.#tester = new OpenTester(bench)
  }

  get clock() {
    return this.#tester.clock
  }

  get outputs() {
    return this.#tester.outputs
  }

  get received() {
    return this.#tester.received
  }

  get log() {
    return this.#tester.log
  }

  get metrics() {
    return this.#tester.metrics
  }

  get rejected() {
    return this.#tester.rejected
  }

  get emitted(): number {
    return this.#bench.sent
  }

  get isFinished(): boolean {
    return this.#bench.stage.isFinished
  }

  settle(): Promise<void> {
    return this.#tester.settle()
  }

  advance(ms: number): Promise<void> {
    return this.#tester.advance(ms)
  }

  until(condition: () => boolean, passing?: Passing): Promise<void> {
    return this.#tester.until(condition, passing)
  }

  release(port: string, count?: number): Promise<void> {
    return this.#tester.release(port, count)
  }

  failNextEmit(port: string, failure: object): void {
    this.#tester.failNextEmit(port, failure)
  }

  async take(count: number, port: string = this.#bench.firstOutput): Promise<unknown[]> {
    const collector = this.#bench.collector(port)
    const { stage } = this.#bench
    collector.release(count - collector.messages.length)
    await stage.until(
      () => collector.messages.length >= count || this.isFinished || stage.clock.nextDueMs !== undefined,
    )
    collector.stopReleasing()
    return collector.messages.splice(0, count)
  }

  async rest(): Promise<Readonly<Record<string, readonly unknown[]>>> {
    return this.#bench.end()
  }

  async end(): Promise<Readonly<Record<string, readonly unknown[]>>> {
    this.#bench.drain()
    return this.#bench.end()
  }

  close(): Promise<void> {
    return this.#tester.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
