import type { NetworkSource } from './run/load-network.ts'
import { storesUrl } from './stores.ts'
import type { Running, RunOptions } from './run/types.ts'

/** The public entry point: the author's API, networks in code, and running them. */
export { network } from './component/builder.ts'
export * from './component/index.ts'
export { isVertigoError, VertigoError } from './base/errors.ts'
export type { ErrorData, ErrorPlace } from './base/errors.ts'
export type { ErrorCode } from './base/error-codes.ts'
export { registerCodec, type ClassCodec } from './wire/message-codec.ts'
export type {
  Network,
  Component,
  Connection,
  Selector,
  ErrorPolicy,
  Guarantee,
  InitialPacket,
  Json,
} from './model/network.ts'
export type {
  InstancePlace,
  InstanceStatus,
  Override,
  RunEvent,
  Running,
  RunOptions,
  RunRequestOptions,
  RunStatus,
  RunSummary,
  WorkerStatus,
} from './run/types.ts'
export type { MetricStatus } from './run/metrics.ts'
export type { HistogramValues } from './worker/histogram.ts'
export type { NetworkSource } from './run/load-network.ts'

/** URL of the module with the built-in kinds: `.ts` in the sources, `.js` in the package. */
const builtInKinds = new URL(
  import.meta.url.endsWith('.ts') ? 'built-in-kinds.ts' : 'built-in-kinds.js',
  import.meta.url,
).href

/**
 * Runs a network in this process.
 *
 * ```ts
 * const running = await run(new URL('./net.ts', import.meta.url), { workers: 2 })
 * const summary = await running.done
 * ```
 *
 * A network's file or module (path or URL) runs in worker threads, which import it again; a network that is passed as
 * a value runs in the caller's thread. Fulfilled when messages flow; a failure after that rejects `done`.
 *
 * Errors: `VertigoError` with the place of the fault; NETWORK_INVALID holds every fault found, in `faults`.
 */
export async function run(source: NetworkSource, options: RunOptions = {}): Promise<Running> {
  // Components import this module too, in every thread: they need neither the engine nor the parsers of networks.
  const { run: runWith } = await import('./run/run.ts')
  return runWith(source, { ...options, builtInKinds, stores: storesUrl })
}
