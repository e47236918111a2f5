import { deepFreeze } from '../base/freeze.ts'
import { VertigoError } from '../base/errors.ts'
import type { ChannelLimits } from '../messaging/limits.ts'
import type { FlatComponent, FlatConnection, FlatNetwork } from '../model/flatten.ts'
import { type LoadedNetwork, loadNetwork } from '../run/load-network.ts'
import { place } from '../run/place.ts'
import type { Override } from '../run/types.ts'
import type { Load } from '../worker/worker.ts'
import { Bench } from './bench.ts'
import { Collector } from './collector.ts'
import { Feeder } from './feeder.ts'
import { codeOf, type TestedNetwork } from './network-code.ts'
import { Stage } from './stage.ts'
import { TestBridge } from './test-bridge.ts'

export interface NetworkTestOptions<N extends string = string> {
  /** Outputs of components that are gathered beside what the network exports: `component.port`. */
  readonly collect?: readonly N[]
  /** Workers that the instances are spread over. Default 2; with 0 nothing goes through the codec. */
  readonly workers?: number
  /** Bounds of all channels. Default: as in a run. */
  readonly limits?: Partial<ChannelLimits>
  /** Messages that a handler may emit for one message. Default 10,000, as in a run. */
  readonly emitPerMessageMax?: number
  /** Changed values, as by `vertigo run --set`. */
  readonly set?: readonly Override[]
  /** Where the clock begins, in milliseconds since 1970. Default 2025-01-01T00:00:00Z. */
  readonly startMs?: number
  /** Seed of everything that is random. Default 1. */
  readonly seed?: number
}

/** Addresses of the parts of the test begin with it. */
const own = 'testkit:'
const freezing = { onSend: deepFreeze, onReceive: deepFreeze }

/** Puts a network on a stage, with feeders at the inputs that it exports and collectors at outputs. */
export async function networkBench(source: TestedNetwork, options: NetworkTestOptions): Promise<Bench> {
  const parts = new Parts(source)
  const loaded = await loadNetwork(source, { load: parts.load, set: options.set ?? [] })
  const network = parts.surround(loaded.network, options.collect ?? [])
  const stage = await Stage.open({
    network,
    placement: placementOf(loaded, network, options.workers ?? 2),
    load: parts.load,
    sources: new Set([
      ...[...loaded.kinds].filter(([, kind]) => kind.role === 'source').map(([name]) => name),
      ...parts.feeders.keys(),
    ]),
    limits: options.limits,
    emitPerMessageMax: options.emitPerMessageMax,
    startMs: options.startMs,
    seed: options.seed,
    bridge: parts.bridge.ofRun,
  })
  const tested = stage.workers
    .flatMap((worker) => worker.hosted)
    .filter((instance) => !instance.identity.component.startsWith(own))
  return new Bench(stage, network.name, parts, tested)
}

/** The test's own parts stand in worker 0, as code that calls a network does. */
function placementOf(loaded: LoadedNetwork, network: FlatNetwork, workers: number): ReturnType<typeof place> {
  const inMain = [...loaded.kinds].filter(([, kind]) => kind.placement === 'main').map(([name]) => name)
  const tests = Object.keys(network.components).filter((name) => name.startsWith(own))
  return place(network, { workers, inMain: new Set([...inMain, ...tests]) })
}

class Parts {
  readonly feeders = new Map<string, Feeder>()
  readonly collectors = new Map<string, Collector>()
  readonly inputHooks = new Map()
  readonly outputHooks = new Map()
  readonly bridge = new TestBridge()
  readonly #code: Load

  constructor(source: TestedNetwork) {
    this.#code = codeOf(source)
  }

  /** The network with everything of the test around it. */
  surround(network: FlatNetwork, collect: readonly string[]): FlatNetwork {
    const { inputs = {}, outputs = {} } = network.exports ?? {}
    const components: Record<string, FlatComponent> = { ...network.components }
    const connections: FlatConnection[] = []
    const add = (direction: 'input' | 'output', name: string): string => {
      const part = `${own}${direction}/${name}`
      components[part] = { kind: part, base: own }
      return part
    }
    for (const [name, to] of Object.entries(inputs)) {
      const at = to.lastIndexOf('.')
      this.feeders.set(name, new Feeder({ component: to.slice(0, at), port: to.slice(at + 1) }))
      const { selector } = network.connections.find((connection) => connection.to === to) ?? {}
      connections.push({ from: `${add('input', name)}.out`, to, base: own, selector })
    }
    const collected = [...Object.entries(outputs), ...collect.map((port) => [port, port] as const)]
    for (const [name, from] of collected) {
      this.#checkOutput(network, from)
      this.collectors.set(name, new Collector(false))
      connections.push({ from, to: `${add('output', name)}.in`, base: own })
    }
    const observed = [...network.connections, ...connections].map((connection): FlatConnection => ({
      ...connection,
      hooks: {
        send: [...(connection.hooks?.send ?? []), `${own}freeze`],
        receive: [`${own}freeze`, ...(connection.hooks?.receive ?? [])],
      },
    }))
    return { ...network, components, connections: observed }
  }

  readonly load: Load = async (module) => {
    const { address } = module
    if (address === `${own}freeze`) return freezing
    if (address.startsWith(`${own}input/`))
      return this.feeders.get(address.slice(`${own}input/`.length))!.kind
    if (address.startsWith(`${own}output/`))
      return this.collectors.get(address.slice(`${own}output/`.length))!.kind
    return this.#code(module)
  }

  #checkOutput(network: FlatNetwork, from: string): void {
    const component = from.slice(0, from.lastIndexOf('.'))
    if (Object.hasOwn(network.components, component)) return
    const known = Object.keys(network.components).join(', ')
    throw new VertigoError(
      'PORT_UNKNOWN',
      `"${from}" is to be collected, but network "${network.name}" has no component "${component}". It has: ${known}.`,
    )
  }
}
