import { type CodePortKind, unknownCodePort } from '../component/code-port.ts'
import type { FlatNetwork } from '../model/flatten.ts'
import type { CodeBridgeHost, RunRequestOptions } from './types.ts'

/** Where the code that runs a network exchanges messages with it: by the names of its feeders and collectors, and by no others. */
export class CodePorts {
  private readonly bridge: CodeBridgeHost
  private readonly feeders: ReadonlySet<string>
  private readonly collectors: ReadonlySet<string>

  constructor(network: FlatNetwork, bridge: CodeBridgeHost) {
    this.bridge = bridge
    this.feeders = namesOf(network, 'feeder')
    this.collectors = namesOf(network, 'collector')
  }

  /** Errors: PORT_UNKNOWN. */
  output(name: string): AsyncIterable<unknown> {
    if (!this.collectors.has(name)) throw unknownCodePort(name, 'collector', this.collectors)
    return this.bridge.output(name)
  }

  send(name: string, message: unknown): Promise<void> {
    if (!this.feeders.has(name)) return Promise.reject(this.noFeeder(name))
    return this.bridge.input(name).send(message)
  }

  request(name: string, message: unknown, options?: RunRequestOptions): Promise<unknown> {
    if (!this.feeders.has(name)) return Promise.reject(this.noFeeder(name))
    return this.bridge.input(name).request(message, options)
  }

  /** Errors: PORT_UNKNOWN. */
  endInput(name: string): void {
    if (!this.feeders.has(name)) throw this.noFeeder(name)
    this.bridge.input(name).end()
  }

  private noFeeder(name: string): Error {
    return unknownCodePort(name, 'feeder', this.feeders)
  }
}

function namesOf({ components }: FlatNetwork, kind: CodePortKind): ReadonlySet<string> {
  const found = Object.entries(components).filter(([, component]) => component.kind === kind)
  return new Set(found.map(([name]) => name))
}
