import type { LogRecord, Output, OutputBatch, OutputGroup } from '../component/context.ts'
import type { CollectorQueue } from '../connectors/code/collector-queue.ts'
import type { FeederQueue } from '../connectors/code/feeder-queue.ts'
import type { MetricStatus } from '../run/metrics.ts'
import type { RejectedMessage } from '../worker/host.ts'
import type { Bench } from './bench.ts'
import type { Received } from './collector.ts'
import type { Failure, Passing } from './options.ts'
import type { TestClock } from './test-clock.ts'

/** A tester at run time, where the types of its ports are gone. */
export class OpenTester {
  readonly #bench: Bench

  constructor(bench: Bench) {
    this.#bench = bench
  }

  get clock(): TestClock {
    return this.#bench.stage.clock
  }

  get outputs(): Readonly<Record<string, readonly unknown[]>> {
    return this.#bench.outputs
  }

  get received(): Readonly<Record<string, readonly Received<unknown>[]>> {
    return this.#bench.received
  }

  get log(): readonly LogRecord[] {
    return this.#bench.stage.log
  }

  get metrics(): readonly MetricStatus[] {
    return this.#bench.stage.metrics.status()
  }

  get rejected(): readonly RejectedMessage[] {
    return this.#bench.stage.rejected
  }

  get emitted(): number {
    return this.#bench.sent
  }

  get queued(): number {
    return this.#bench.queued
  }

  async send(
    first: string | Readonly<Record<string, readonly unknown[]>>,
    ...messages: readonly unknown[]
  ): Promise<void> {
    const inputs = typeof first === 'string' ? { [first]: messages } : first
    for (const [port, list] of Object.entries(inputs)) {
      const feeder = this.#bench.feeder(port)
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
    fillAndEnd(this.#bench.feeder(port).group(name, args), fill)
    await this.settle()
  }

  async batch(port: string, args: unknown, fill: (batch: OutputBatch<unknown>) => void): Promise<void> {
    fillAndEnd(this.#bench.feeder(port).batch(args), fill)
    await this.settle()
  }

  sender(port: string): Output<unknown> {
    const feeder = this.#bench.feeder(port)
    return Object.assign((message: unknown) => feeder.send(message), {
      group: (name?: string, args?: unknown) => feeder.group(name, args),
      batch: (args?: unknown) => feeder.batch(args),
    })
  }

  async endInput(port: string): Promise<void> {
    this.#bench.feeder(port).end()
    await this.settle()
  }

  settle(): Promise<void> {
    return this.#bench.stage.settle()
  }

  advance(ms: number): Promise<void> {
    return this.#bench.stage.advance(ms)
  }

  until(condition: () => boolean, passing: Passing = {}): Promise<void> {
    return this.#bench.stage.until(condition, passing.stepMs)
  }

  feeder(component: string): Pick<FeederQueue, 'send' | 'request' | 'end' | 'fail'> {
    return this.#bench.bridge.input(component)
  }

  gathered(component: string): CollectorQueue {
    return this.#bench.bridge.output(component)
  }

  take(port: string): unknown[] {
    return this.#bench.collector(port).takeAll()
  }

  async release(port: string, count = 1): Promise<void> {
    this.#bench.collector(port).release(count)
    await this.settle()
  }

  failNext(port: string, failure: Failure = {}): void {
    this.#bench.failInput(port, failure)
  }

  failNextEmit(port: string, failure: Failure = {}): void {
    this.#bench.failOutput(port, failure)
  }

  async end(): Promise<Readonly<Record<string, readonly unknown[]>>> {
    return this.#bench.end()
  }

  close(): Promise<void> {
    return this.#bench.stage.close()
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
