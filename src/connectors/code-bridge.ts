import { VertigoError } from '../base/errors.ts'
import type { CollectorQueue } from './code/collector-queue.ts'
import type { FeederQueue } from './code/feeder-queue.ts'

/**
 * Where the engine puts the bridge of a run into the context of `setup`, for kinds with placement `main` only:
 * `context[codeBridge]`. A registered symbol, so that two loaded copies of this package meet.
 */
export const codeBridge: unique symbol = Symbol.for('vertigo.code-bridge')

/** The queues between the components `feeder` and `collector` of one run and the code that runs it, by component. */
export interface CodeBridge {
  /** Always the same queue for a component. The engine closes it at the end of the run, with the run's error. */
  input(component: string): FeederQueue
  /** Always the same queue for a component. The engine fails it when the run fails; the component ends it. */
  output(component: string): CollectorQueue
}

/** The bridge of the run, where code runs it. */
export function bridgeOf(context: { readonly component: string }): CodeBridge {
  const bridge = (context as { readonly [codeBridge]?: CodeBridge })[codeBridge]
  if (bridge !== undefined) return bridge
  const { component } = context
  const message = `${component}: exchanges messages with code, but this run was not started by code that does`
  throw new VertigoError('BRIDGE_MISSING', message, { place: { component } })
}
