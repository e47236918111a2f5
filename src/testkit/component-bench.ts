import { VertigoError } from '../base/errors.ts'
import { type Kind, type KindDefinition, kindDefinition } from '../component/kind.ts'
import type { FlatComponent, FlatConnection, FlatNetwork } from '../model/flatten.ts'
import type { ErrorPolicy, Json, Selector } from '../model/network.ts'
import type { InstanceAssignment, ModuleAddress } from '../worker/assignment.ts'
import { Bench } from './bench.ts'
import { Collector } from './collector.ts'
import { Feeder } from './feeder.ts'
import { PortHook } from './hooks.ts'
import type { InputSettings, OutputSettings } from './options.ts'
import { Stage } from './stage.ts'

/** The options of `testComponent` and `testSource` without the types of a kind's ports. */
export interface ErasedOptions {
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

/** Puts one component on a stage, with a feeder at each of its inputs and a collector at each of its outputs. */
export async function componentBench(kind: Kind, options: ErasedOptions): Promise<Bench> {
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
  const tested = stage.workers.find(({ assignment }) => assignment.worker === testedWorker)?.hosted ?? []
  return new Bench(stage, name, parts, tested)
}

/** What stands around the component, and the network that joins it. */
class Parts {
  readonly feeders = new Map<string, Feeder>()
  readonly collectors = new Map<string, Collector>()
  readonly inputHooks = new Map<string, PortHook>()
  readonly outputHooks = new Map<string, PortHook>()
  readonly #kind: Kind
  readonly #definition: KindDefinition
  readonly #name: string
  readonly #options: ErasedOptions

  constructor(kind: Kind, name: string, options: ErasedOptions) {
    this.#kind = kind
    this.#definition = kindDefinition(kind)
    this.#name = name
    this.#options = options
    for (const port of Object.keys(this.#definition.inputs)) {
      this.feeders.set(port, new Feeder({ component: name, port }))
      this.inputHooks.set(port, new PortHook({ component: name, port }, undefined))
    }
    for (const [port, { schema }] of Object.entries(this.#definition.outputs)) {
      this.collectors.set(port, new Collector(options.outputs?.[port]?.hold ?? false))
      this.outputHooks.set(port, new PortHook({ component: name, port }, schema))
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
    const others = this.#places().map((place): [string, FlatComponent] => [
      place,
      { kind: `#${place}`, base },
    ])
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
    for (const place of this.#places()) placement.set(place, [testWorker])
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
    const [direction, port] = splitOnce(address.slice(1))
    const found = {
      input: this.feeders.get(port)?.kind,
      output: this.collectors.get(port)?.kind,
      'input-hook': this.inputHooks.get(port),
      'output-hook': this.outputHooks.get(port),
    }[direction]
    if (found !== undefined) return found
    throw new VertigoError(
      'KIND_NOT_FOUND',
      `"${this.#name}" loads "${address}", which the test does not give.`,
      { remedy: `Give it: testComponent(kind, { modules: { ${JSON.stringify(address)}: ... } }).` },
    )
  }

  #places(): string[] {
    return [...[...this.feeders.keys()].map(inputPlace), ...[...this.collectors.keys()].map(outputPlace)]
  }

  #inputConnection(port: string): FlatConnection {
    return {
      from: `${inputPlace(port)}.out`,
      to: `${this.#name}.${port}`,
      selector: this.#selector(this.#options.inputs?.[port] ?? {}),
      hooks: { receive: [`#input-hook/${port}`] },
      base,
    }
  }

  #outputConnection(port: string): FlatConnection {
    return {
      from: `${this.#name}.${port}`,
      to: `${outputPlace(port)}.in`,
      hooks: { send: [`#output-hook/${port}`] },
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

type Part = 'input' | 'output' | 'input-hook' | 'output-hook'

function splitOnce(place: string): [Part, string] {
  const at = place.indexOf('/')
  return [place.slice(0, at) as Part, place.slice(at + 1)]
}
