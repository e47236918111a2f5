import type { BuiltNetwork } from '../component/builder-types.ts'
import type { Ports } from '../component/port.ts'
import type { CollectorQueue } from '../connectors/code/collector-queue.ts'
import type { FeederQueue } from '../connectors/code/feeder-queue.ts'
import { type NetworkTestOptions, networkBench } from './network-bench.ts'
import { OpenTester } from './open-tester.ts'
import type { ComponentTester } from './testers.ts'

/** As `ComponentTester`; its ports are those that the network exports, and those that the test collects. */
export type NetworkTester<I extends Ports, O extends Ports, N extends string> = Omit<
  ComponentTester<I, O & { readonly [P in N]: Ports[string] }>,
  'failNext' | 'failNextEmit' | 'release'
> & {
  /** Sends to a component of the built-in kind `feeder`; `end` of the tester ends it too. Settle afterwards. */
  feeder(component: string): Pick<FeederQueue, 'send' | 'request' | 'end' | 'fail'>
  /** What a component of the built-in kind `collector` has gathered: `collected`, or iterate, as code does that runs it. */
  gathered(component: string): AsyncIterable<unknown> & Pick<CollectorQueue, 'collected' | 'toArray'>
}

/**
 * Runs a whole network in one thread, with time in the test's hands: a network built in code, or the file of one (path
 * or URL). What it exports can be sent to and is gathered; so is each output of a component that `collect` names:
 * `collect: ['count.count']`.
 *
 * ```ts
 * const net = await testNetwork(wordCount, { collect: ['count.count'] })
 * const outputs = await net.end()
 * outputs['count.count']
 * ```
 *
 * Its instances are spread over several workers (`workers`, default 2) within the thread, so that messages go through
 * the codec; they are frozen, and every port with a schema is checked. `end` waits until all sources are done.
 */
export async function testNetwork<I extends Ports, O extends Ports, const N extends string = never>(
  network: BuiltNetwork<I, O> | string | URL,
  options: NetworkTestOptions<N> = {},
): Promise<NetworkTester<I, O, N>> {
  const bench = await networkBench(network, options)
  return new OpenTester(bench) as unknown as NetworkTester<I, O, N>
}
