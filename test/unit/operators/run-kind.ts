import type { Kind, Port } from '../../../src/component/index.ts'
import { testComponent } from '../../../src/testkit/index.ts'

type Ports = Readonly<Record<string, Port<unknown>>>

export interface RunOptions {
  readonly config?: Readonly<Record<string, unknown>>
  /** What `load` gives, by address. */
  readonly modules?: Readonly<Record<string, unknown>>
  /** Path of the routing key. Default: the whole message. */
  readonly key?: string
}

/** Runs a kind with the ports `in` and `out` on the test kit, and gives what it sends. */
export async function runKind(
  kind: Kind,
  messages: readonly unknown[],
  options: RunOptions = {},
): Promise<readonly unknown[]> {
  const { config, modules, key } = options
  const tester = await testComponent(kind as Kind<never, never, never>, {
    name: 'tested',
    config: config as never,
    modules,
    ...(key !== undefined && { inputs: { in: { key } } as never }),
  })
  try {
    await tester.send({ in: messages } as never)
    return ((await tester.end()) as { readonly out: readonly unknown[] }).out
  } finally {
    await tester.close().catch(() => undefined)
  }
}

/** How finely a handler gives way: what it emits each time before it waits for room. */
export async function stepsOf(
  kind: Kind,
  message: unknown,
  config: Readonly<Record<string, unknown>> = {},
): Promise<number[]> {
  const tester = await testComponent(kind as unknown as Kind<Ports, Ports>, {
    name: 'tested',
    config: config as never,
    outputs: { out: { hold: true } },
  })
  const steps: number[] = []
  await tester.send({ in: [message] })
  for (let before = 0; tester.emitted > before;) {
    const step = tester.emitted - before
    steps.push(step)
    before += step
    await tester.release('out', step)
  }
  await tester.end()
  return steps
}
