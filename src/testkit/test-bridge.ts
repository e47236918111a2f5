import { type CodePortKind, unknownCodePort } from '../component/code-port.ts'
import { type CodeBridgeOfRun, makeBridge } from '../connectors/code/bridge.ts'
import type { CollectorQueue } from '../connectors/code/collector-queue.ts'
import type { FeederQueue } from '../connectors/code/feeder-queue.ts'

/** What the components `feeder` and `collector` of a tested network exchange messages with: the test. */
export class TestBridge {
  /** For the engine. */
  readonly ofRun: CodeBridgeOfRun
  readonly #inputs = new Map<string, FeederQueue>()
  readonly #outputs = new Map<string, CollectorQueue>()

  constructor() {
    const made = makeBridge()
    // Components ask when they are set up: what the test asks for later has to be among them.
    this.ofRun = {
      input: (component) => keep(this.#inputs, component, made.input(component)),
      output: (component) => keep(this.#outputs, component, made.output(component)),
      fail: (error) => made.fail(error),
      close: (error) => made.close(error),
    }
  }

  /** Errors: PORT_UNKNOWN where the network has no such `feeder`. */
  input(component: string): FeederQueue {
    return known(this.#inputs, component, 'feeder')
  }

  /** Errors: PORT_UNKNOWN where the network has no such `collector`. */
  output(component: string): CollectorQueue {
    return known(this.#outputs, component, 'collector')
  }

  endInputs(): void {
    for (const queue of this.#inputs.values()) queue.end()
  }
}

function keep<Q>(queues: Map<string, Q>, component: string, queue: Q): Q {
  queues.set(component, queue)
  return queue
}

function known<Q>(queues: ReadonlyMap<string, Q>, component: string, kind: CodePortKind): Q {
  const queue = queues.get(component)
  if (queue !== undefined) return queue
  throw unknownCodePort(component, kind, queues.keys())
}
