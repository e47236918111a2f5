import { VertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { type Kind, type KindDefinition, kindDefinition } from '../component/kind.ts'
import type { FlatComponent, FlatConnection, FlatNetwork } from '../model/flatten.ts'
import type { ErrorPolicy, Json, Selector } from '../model/network.ts'
import type { InstanceAssignment, ModuleAddress } from '../worker/assignment.ts'
import { Collector, type Received } from './collector.ts'
import { Feeder } from './feeder.ts'
import { PortHook } from './hooks.ts'
import type { Failure, InputSettings, OutputSettings } from './options.ts'
import { Stage } from './stage.ts'

/** The options of `testComponent` and `testSource` without the types of a kind's ports. */
export interface RigOptions {
  readonly config?: { readonly [field: string]: Json }
  readonly name?: string
  readonly instances?: number
  readonly instance?: number
  readonly concurrency?: number
  readonly order?: 'input' | 'completion'
  readonly errors?: ErrorPolicy
  readonly inputs?: Readonly<Record<string, InputSettings>>
  readonly outputs?: Readonly<Record<string, OutputSettings>>
  readonly modules?: Readonly<Record<string, unknown>>
  readonly emitPerMessageMax?: number
  readonly startMs?: number
  readonly seed?: number
}

const base = 'testkit:'
/** The tested component has a worker of its own, so that all that reaches or leaves it crosses a link. */
const testedWorker = 1
const testWorker = 0

/** One component with a feeder at each of its inputs and a collector at each of its outputs, on a stage. */
export class Rig {
  readonly stage: Stage
  readonly name: string
  readonly #parts: Parts

  private constructor(stage: Stage, name: string, parts: Parts) {
    this.stage = stage
    this.name = name
    this.#parts = parts
  }

  static async open(kind: Kind, options: RigOptions): Promise<Rig> {
    const { name = 'component' } = options
    const parts = new Parts(kind, name, options)
    const stage = await Stage.open({
      network: parts.network(),
      placement: parts.placement(),
      load: (module) => parts.load(module),
      sources: parts.sources(),
      emitPerMessageMax: options.emitPerMessageMax,
      startMs: options.startMs,
      seed: options.seed,
      adjust: (assigned) => parts.adjust(assigned),
    })
    return new Rig(stage, name, parts)
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
    for (const { instance } of this.#tested) queued += instance.queuedMessages
    return queued
  }

  /** Messages that the component has sent, whether they were let through or not. */
  get sent(): number {
    let sent = 0
    for (const { instance } of this.#tested) sent += instance.sent
    return sent
  }

  get isComponentFinished(): boolean {
    return this.#tested.every(({ instance }) => instance.state === 'finished')
  }

  feeder(port: string): Feeder {
    return this.#port(this.#parts.feeders, port, 'input')
  }

  collector(port: string): Collector {
    return this.#port(this.#parts.collectors, port, 'output')
  }

  failInput(port: string, failure: Failure): void {
    this.feeder(port)
    this.#parts.hooks.get(inputPlace(port))!.fail(failure)
  }

  failOutput(port: string, failure: Failure): void {
    this.collector(port)
    this.#parts.hooks.get(outputPlace(port))!.fail(failure)
  }

  /** Asks the component to end, as `vertigo run` does when it is interrupted: sources end, others see their inputs end. */
  async end(): Promise<Readonly<Record<string, readonly unknown[]>>> {
    try {
      for (const feeder of this.#parts.feeders.values()) feeder.end()
      for (const collector of this.#parts.collectors.values()) collector.open()
      await this.stage.finish(() => this.name)
    } finally {
      await this.stage.close()
    }
    return this.outputs
  }

  drain(): void {
    for (const { instance } of this.#tested) instance.drain()
  }

  get #tested() {
    return this.stage.workers.flatMap(({ assignment, hosted }) =>
      assignment.worker === testedWorker ? hosted : [],
    )
  }

  #port<T>(ports: ReadonlyMap<string, T>, port: string, direction: string): T {
    const found = ports.get(port)
    if (found !== undefined) return found
    const known = [...ports.keys()]
    throw new VertigoError(
      'PORT_UNKNOWN',
      `"${this.name}" has no ${direction} "${port}".${didYouMean(port, known)}`,
    )
  }
}

/** Everything that a rig is put together from, and the network that joins it. */
class Parts {
  readonly feeders = new Map<string, Feeder>()
  readonly collectors = new Map<string, Collector>()
  readonly hooks = new Map<string, PortHook>()
  readonly #kind: Kind
  readonly #definition: KindDefinition
  readonly #name: string
  readonly #options: RigOptions

  constructor(kind: Kind, name: string, options: RigOptions) {
    this.#kind = kind
    this.#definition = kindDefinition(kind)
    this.#name = name
    this.#options = options
    for (const port of Object.keys(this.#definition.inputs)) {
      this.feeders.set(port, new Feeder({ component: name, port }))
      this.hooks.set(inputPlace(port), new PortHook({ component: name, port }, undefined))
    }
    for (const [port, { schema }] of Object.entries(this.#definition.outputs)) {
      this.collectors.set(port, new Collector(options.outputs?.[port]?.hold ?? false))
      this.hooks.set(outputPlace(port), new PortHook({ component: name, port }, schema))
    }
  }

  network(): FlatNetwork {
    const { config, concurrency, order, errors, instances = 1, instance } = this.#options
    const tested: FlatComponent = {
      kind: '#tested',
      base,
      config,
      concurrency,
      order,
      errors,
      // With `instance`, only one is hosted; it is told of the others (see `adjust`).
      instances: instance === undefined ? instances : 1,
    }
    const places = [...this.hooks.keys()]
    const others = places.map((place): [string, FlatComponent] => [place, { kind: `#${place}`, base }])
    return {
      name: 'testkit',
      components: { [this.#name]: tested, ...Object.fromEntries(others) },
      connections: [
        ...[...this.feeders.keys()].map((port) => this.#inputConnection(port)),
        ...[...this.collectors.keys()].map((port) => this.#outputConnection(port)),
      ],
    }
  }

  placement(): Map<string, readonly number[]> {
    const { instances = 1, instance } = this.#options
    const hosted = instance === undefined ? instances : 1
    const placement = new Map<string, readonly number[]>([
      [this.#name, Array.from({ length: hosted }, () => testedWorker)],
    ])
    for (const place of this.hooks.keys()) placement.set(place, [testWorker])
    return placement
  }

  sources(): Set<string> {
    return new Set([...this.feeders.keys()].map(inputPlace))
  }

  adjust(assigned: InstanceAssignment): InstanceAssignment {
    if (assigned.component !== this.#name) return assigned
    const { instance = assigned.instance, instances = 1, outputs: settings } = this.#options
    const outputs = assigned.outputs.map((output) => {
      const limits = { queueMessagesMax: settings?.[output.port]?.capacity ?? 1 }
      return { ...output, limits }
    })
    return { ...assigned, instance, instances, outputs }
  }

  async load({ address }: ModuleAddress): Promise<unknown> {
    if (address === '#tested') return this.#kind
    const { modules = {} } = this.#options
    if (Object.hasOwn(modules, address)) return modules[address]
    if (address.startsWith('#hook:')) return this.hooks.get(address.slice('#hook:'.length))
    const [direction, port = ''] = splitOnce(address.slice(1))
    const part = direction === 'input' ? this.feeders.get(port) : this.collectors.get(port)
    if (part !== undefined) return part.kind
    throw new VertigoError(
      'KIND_NOT_FOUND',
      `"${this.#name}" loads "${address}", which the test does not give.`,
      { remedy: `Give it: testComponent(kind, { modules: { ${JSON.stringify(address)}: ... } }).` },
    )
  }

  #inputConnection(port: string): FlatConnection {
    return {
      from: `${inputPlace(port)}.out`,
      to: `${this.#name}.${port}`,
      selector: this.#selector(this.#options.inputs?.[port] ?? {}),
      hooks: { receive: [`#hook:${inputPlace(port)}`] },
      base,
    }
  }

  #outputConnection(port: string): FlatConnection {
    return {
      from: `${this.#name}.${port}`,
      to: `${outputPlace(port)}.in`,
      hooks: { send: [`#hook:${outputPlace(port)}`] },
      base,
    }
  }

  #selector({ selector, key }: InputSettings): Selector {
    if (key !== undefined) return { type: 'hash', key }
    if (selector !== undefined) return selector
    const isKeyed = Object.values(this.#definition.state ?? {}).some((s) => s.options.scope !== 'instance')
    return isKeyed ? 'hash' : 'round-robin'
  }
}

function inputPlace(port: string): string {
  return `input/${port}`
}

function outputPlace(port: string): string {
  return `output/${port}`
}

function splitOnce(place: string): [string, string] {
  const at = place.indexOf('/')
  return [place.slice(0, at), place.slice(at + 1)]
}

function mapOf<T, R>(parts: ReadonlyMap<string, T>, value: (part: T) => R): Record<string, R> {
  return Object.fromEntries([...parts].map(([port, part]) => [port, value(part)]))
}
