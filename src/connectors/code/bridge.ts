import { asError } from '../../base/errors.ts'
import type { CodeBridge } from '../code-bridge.ts'
import { CollectorQueue } from './collector-queue.ts'
import { FeederQueue } from './feeder-queue.ts'

/** The bridge of one run; whoever runs it closes it, with the run's error. */
export interface CodeBridgeOfRun extends CodeBridge {
  close(error: unknown): void
}

/** A bridge for one run: queues are made when either side asks first. */
export function makeBridge(): CodeBridgeOfRun {
  const inputs = new Map<string, FeederQueue>()
  const outputs = new Map<string, CollectorQueue>()
  return {
    input(component) {
      const queue = inputs.get(component) ?? new FeederQueue()
      inputs.set(component, queue)
      return queue
    },
    output(component) {
      const queue = outputs.get(component) ?? new CollectorQueue()
      outputs.set(component, queue)
      return queue
    },
    close(error) {
      const cause = error === undefined ? undefined : asError(error)
      for (const queue of inputs.values()) queue.close(cause)
      for (const queue of outputs.values()) if (cause !== undefined) queue.fail(cause)
    },
  }
}
