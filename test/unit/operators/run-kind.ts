import type { Kind } from '../../../src/component/index.ts'
import { kindDefinition } from '../../../src/component/kind.ts'
import { testComponent } from '../../../src/testkit/index.ts'

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

/** What each pull of the handler's iterator sends: how finely it gives way, which the engine does not show. */
export async function stepsOf(
  kind: Kind,
  message: unknown,
  config: Readonly<Record<string, unknown>> = {},
): Promise<number[]> {
  const definition = kindDefinition(kind)
  const behaviour = ((await definition.setup?.({ component: 'tested', config } as never)) ?? definition) as {
    readonly on: { in(message: unknown, context: object): AsyncIterator<unknown> | Iterator<unknown> }
  }
  const steps: number[] = []
  let sent = 0
  const pulls = behaviour.on.in(message, { emit: { out: () => sent++ } })
  for (;;) {
    const before = sent
    const { done } = await pulls.next()
    steps.push(sent - before)
    if (done === true) return steps
  }
}
