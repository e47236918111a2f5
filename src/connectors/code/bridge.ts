import { asError } from '../../base/errors.ts'
import type { CodeBridge } from '../code-bridge.ts'
import { CollectorQueue } from './collector-queue.ts'
import { FeederQueue } from './feeder-queue.ts'

/** The bridge of one run; whoever runs it closes it, with the run's error. */
export interface CodeBridgeOfRun extends CodeBridge {
  /** What was awaited of the run comes no more, for it has failed. */
  fail(error: unknown): void
  close(error: unknown): void
}

/** A bridge for one run: queues are made when either side asks first. */
export function makeBridge(): CodeBridgeOfRun {
  const inputs = new Map<string, FeederQueue>()
  const outputs = new Map<string, CollectorQueue>()
  const failAll = (error: Error): void => {
    for (const queue of outputs.values()) queue.fail(error)
  }
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
    fail: (error) => failAll(asError(error)),
    close(error) {
      const cause = error === undefined ? undefined : asError(error)
      for (const queue of inputs.values()) queue.close(cause)
      if (cause !== undefined) failAll(cause)
    },
  }
}
