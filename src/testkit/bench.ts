import { VertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import type { Instance } from '../worker/instance.ts'
import type { Collector, Received } from './collector.ts'
import type { Feeder } from './feeder.ts'
import type { PortHook } from './hooks.ts'
import type { Failure } from './options.ts'
import type { Stage } from './stage.ts'
import type { TestBridge } from './test-bridge.ts'

/** What stands around the tested code, by port. */
export interface BenchParts {
  readonly feeders: ReadonlyMap<string, Feeder>
  readonly collectors: ReadonlyMap<string, Collector>
  readonly inputHooks: ReadonlyMap<string, PortHook>
  readonly outputHooks: ReadonlyMap<string, PortHook>
  /** Present for networks. */
  readonly bridge?: TestBridge
}

/** A component, or a network, on a stage, with feeders at its inputs and collectors at its outputs. */
export class Bench {
  readonly stage: Stage
  readonly name: string
  readonly #parts: BenchParts
  readonly #tested: readonly Instance[]

  constructor(stage: Stage, name: string, parts: BenchParts, tested: readonly Instance[]) {
    this.stage = stage
    this.name = name
    this.#parts = parts
    this.#tested = tested
  }

  get outputs(): Readonly<Record<string, readonly unknown[]>> {
    return mapOf(this.#parts.collectors, (collector) => collector.messages)
  }

  get received(): Readonly<Record<string, readonly Received<unknown>[]>> {
    return mapOf(this.#parts.collectors, (collector) => collector.received)
  }

  /** Messages that no handler has begun with. */
  get queued(): number {
    let queued = 0
    for (const feeder of this.#parts.feeders.values()) queued += feeder.waiting
    for (const instance of this.#tested) queued += instance.queuedMessages
    return queued
  }

  /** Messages that the component has sent, whether they were let through or not. */
  get sent(): number {
    let sent = 0
    for (const instance of this.#tested) sent += instance.sent
    return sent
  }

  get isComponentFinished(): boolean {
    return this.#tested.every((instance) => instance.state === 'finished')
  }

  get firstOutput(): string {
    const [first = ''] = this.#parts.collectors.keys()
    return first
  }

  get bridge(): TestBridge {
    const { bridge } = this.#parts
    if (bridge === undefined)
      throw new VertigoError('BRIDGE_MISSING', 'only networks have feeders and collectors')
    return bridge
  }

  feeder(port: string): Feeder {
    return this.#port(this.#parts.feeders, port, 'input')
  }

  collector(port: string): Collector {
    return this.#port(this.#parts.collectors, port, 'output')
  }

  failInput(port: string, failure: Failure): void {
    this.#port(this.#parts.inputHooks, port, 'input').fail(failure)
  }

  failOutput(port: string, failure: Failure): void {
    this.#port(this.#parts.outputHooks, port, 'output').fail(failure)
  }

  /** Ends all inputs, waits until everything has finished, closes it. */
  async end(): Promise<Readonly<Record<string, readonly unknown[]>>> {
    try {
      for (const feeder of this.#parts.feeders.values()) feeder.end()
      this.#parts.bridge?.endInputs()
      for (const collector of this.#parts.collectors.values()) collector.open()
      await this.stage.finish(this.name)
    } catch (error) {
      await this.stage.close().catch(() => undefined)
      throw error
    }
    await this.stage.close()
    return this.outputs
  }

  /** Asks sources to end, as when a run is interrupted. */
  drain(): void {
    for (const instance of this.#tested) instance.drain()
  }

  #port<T>(ports: ReadonlyMap<string, T>, port: string, direction: string): T {
    const found = ports.get(port)
    if (found !== undefined) return found
    const known = [...ports.keys()]
    const list = known.length === 0 ? `It has no ${direction}s.` : `Its ${direction}s: ${known.join(', ')}.`
    throw new VertigoError(
      'PORT_UNKNOWN',
      `"${this.name}" has no ${direction} "${port}".${didYouMean(port, known)} ${list}`,
    )
  }
}

function mapOf<T, R>(parts: ReadonlyMap<string, T>, value: (part: T) => R): Record<string, R> {
  return Object.fromEntries([...parts].map(([port, part]) => [port, value(part)]))
}
