import { VertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
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

function known<Q>(queues: ReadonlyMap<string, Q>, component: string, kind: string): Q {
  const queue = queues.get(component)
  if (queue !== undefined) return queue
  const names = [...queues.keys()]
  const list = names.length === 0 ? 'It has none.' : `It has: ${names.join(', ')}.`
  throw new VertigoError(
    'PORT_UNKNOWN',
    `the network has no component "${component}" of the kind ${kind}.${didYouMean(component, names)} ${list}`,
  )
}
