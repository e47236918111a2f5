import { asError } from './base/errors.ts'
import type { CodeBridge } from './connectors/code-bridge.ts'
import { CollectorQueue } from './connectors/code/collector-queue.ts'
import { FeederQueue } from './connectors/code/feeder-queue.ts'
import type { CodeBridgeHost } from './run/types.ts'

/** The bridge of one run: a queue for each `feeder` and each `collector`, made when either side asks for it. */
export function codeBridgeHost(): CodeBridgeHost & CodeBridge {
  const inputs = new Map<string, FeederQueue>()
  const outputs = new Map<string, CollectorQueue>()
  return {
    input: (component) => made(inputs, component, () => new FeederQueue()),
    output: (component) => made(outputs, component, () => new CollectorQueue()),
    close(error) {
      for (const queue of inputs.values()) queue.close(error === undefined ? undefined : asError(error))
      // Where the run went well, the components have ended their queues themselves.
      for (const queue of outputs.values()) {
        if (error === undefined) queue.end()
        else queue.fail(asError(error))
      }
    },
  }
}

function made<Q>(queues: Map<string, Q>, component: string, make: () => Q): Q {
  const queue = queues.get(component) ?? make()
  queues.set(component, queue)
  return queue
}
