import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { ErrorCode } from '../../../src/base/error-codes.ts'
import type { Kind, Port } from '../../../src/component/index.ts'
import {
  type ComponentTester,
  testComponent,
  testSource,
  type SourceTester,
} from '../../../src/testkit/index.ts'
import { coded } from '../connectors/support.ts'

type Check = (t: TestContext, kind: Kind) => Promise<void>

/** Of one kind. */
export interface Checks {
  readonly behaves: Check
  readonly waits: Check
  readonly fails: Check
}

type In = { readonly in: Port<unknown> }
type Out = { readonly out: Port<unknown> }
type Config = Readonly<Record<string, unknown>>

/** A built-in kind is known by its name only here: its ports are `in` and `out`. */
export function component(
  kind: Kind,
  config: Config = {},
  more: { readonly modules?: Config; readonly hold?: boolean } = {},
): Promise<ComponentTester<In, Out>> {
  const { modules, hold = false } = more
  return testComponent(kind as unknown as Kind<In, Out>, {
    name: 'tested',
    config: config as never,
    modules,
    outputs: Object.hasOwn(kind.outputs, 'out') ? { out: { hold } } : {},
  })
}

export function source(kind: Kind, config: Config = {}): Promise<SourceTester<Out>> {
  return testSource(kind as unknown as Kind<{}, Out>, { name: 'tested', config: config as never })
}

/** Runs a component to its end. Errors: its own, after it was closed. */
export async function results(
  kind: Kind,
  messages: readonly unknown[],
  config?: Config,
  modules?: Config,
): Promise<readonly unknown[]> {
  const tester = await component(kind, config, { modules })
  try {
    await tester.send({ in: messages })
    return (await tester.end()).out ?? []
  } finally {
    await tester.close().catch(() => undefined)
  }
}

export async function rejects(
  promise: Promise<unknown>,
  code: ErrorCode,
  ...pieces: readonly string[]
): Promise<void> {
  await assert.rejects(promise, coded(code, ...pieces))
}

/** With its output held, a source emits no more than fits; all of it comes once there is room. */
export async function sourceWaits(kind: Kind, config: Config, least: number): Promise<void> {
  const tester = await source(kind, config)
  const [first] = await tester.take(1)
  assert.notEqual(first, undefined)
  await tester.settle()
  assert.ok(tester.emitted < least, `${tester.emitted} emitted for 1 that was taken`)
  assert.equal((await tester.rest()).out.length, least - 1)
}
