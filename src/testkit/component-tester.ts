import type { Kind } from '../component/kind.ts'
import type { Ports } from '../component/port.ts'
import { componentBench, type ErasedOptions } from './component-bench.ts'
import { OpenTester } from './open-tester.ts'
import type { ComponentTestOptions } from './options.ts'
import type { ComponentTester } from './testers.ts'

/**
 * Runs a component on the real engine, with time and its surroundings in the test's hands.
 *
 * ```ts
 * const tester = await testComponent(splitWords)
 * await tester.send('in', 'a b')
 * assert.deepEqual(tester.take('out'), ['a', 'b'])
 * await tester.end()
 * ```
 *
 * It is harsher than a run: each message goes through the codec on its way in and out, so that what works here works
 * across threads; what arrives and what was emitted is frozen to its depth; every port with a schema is checked;
 * every output holds one message only, so that the engine pauses the component wherever it may.
 *
 * Calls settle: when they are done, the component has done all that it can do without time passing. What makes the
 * component fail is thrown by the call that was under way, and by each one after it, as the `VertigoError` that a run
 * would end with. Close testers (`end`, `close` or `await using`): components may hold resources.
 *
 * The idea of such a tester comes from Hazelcast Jet's `TestSupport`.
 */
export async function testComponent<I extends Ports, O extends Ports, C>(
  kind: Kind<I, O, C>,
  options: ComponentTestOptions<I, O, C> = {},
): Promise<ComponentTester<I, O>> {
  const bench = await componentBench(kind, options as ErasedOptions)
  return new OpenTester(bench) as unknown as ComponentTester<I, O>
}
