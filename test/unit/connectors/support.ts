import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Cancel, systemClock } from '../../../src/base/clock.ts'
import { type ErrorCode, errorCodes } from '../../../src/base/error-codes.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import type {
  Kind,
  ListedSplits,
  Logger,
  SourcePositions,
  SourceReader,
} from '../../../src/component/index.ts'
import { checkConfig, kindDefinition } from '../../../src/component/kind.ts'
import { dealListed, owns } from '../../../src/worker/splits.ts'

/**
 * Runs kinds without the engine: calls what the engine would call, one call after another.
 *
 * For what the published test kit cannot show: how much one call of a reader gives, how often a handler makes the engine
 * wait, messages that links refuse, several instances of a kind that share something of the test's. All else is tested
 * with the kit.
 */

export interface Setting {
  readonly config?: Readonly<Record<string, unknown>>
  readonly instance?: number
  readonly instances?: number
  readonly component?: string
  readonly signal?: AbortSignal
  /** Further members of the context of `setup`. */
  readonly extra?: object
}

/** What was sent on a port: a message, or the start or end of a group. */
export type Event =
  | { readonly message: unknown }
  | { readonly group: string | undefined; readonly args: unknown }
  | { readonly endArgs: unknown }

/** Gathers the messages that are sent on the port `out`. */
export class Output {
  readonly messages: unknown[] = []
  readonly emit = { out: (message: unknown) => void this.messages.push(message) }
  readonly kept = (tell: () => void): void => tell()
}

async function contextOf(kind: Kind, setting: Setting): Promise<object> {
  const checked = await checkConfig(kindDefinition(kind), setting.config ?? {})
  if ('faults' in checked) assert.fail(JSON.stringify(checked.faults))
  const write = (): void => undefined
  const log: Logger = {
    fatal: write,
    error: write,
    warn: write,
    info: write,
    debug: write,
    trace: write,
  }
  const shared = {
    component: setting.component ?? 'it',
    instance: setting.instance ?? 0,
    instances: setting.instances ?? 1,
    config: checked.value,
    log,
    clock: systemClock,
    signal: setting.signal ?? new AbortController().signal,
    inputs: {},
    isJournaled: false,
  }
  const { positions } = (setting.extra ?? {}) as { readonly positions?: SourcePositions }
  const splits = kindDefinition(kind).splits as undefined | ((context: object) => Async<ListedSplits>)
  const share = splits && dealListed(await splits({ ...shared, positions }), positions, shared)
  return { ...shared, owns: (split: string) => owns(split, shared), ...setting.extra, ...share }
}

/** Faults of a configuration as `field: message`. */
export async function configFaults(kind: Kind, config: Readonly<Record<string, unknown>>): Promise<string[]> {
  const checked = await checkConfig(kindDefinition(kind), config)
  return 'faults' in checked ? checked.faults.map((fault) => `${fault.path.join('.')}: ${fault.message}`) : []
}

type Reader = SourceReader<Record<string, never>>
type Async<T> = T | PromiseLike<T>

/** A source that was set up. */
export class RunningSource {
  readonly output = new Output()
  readonly #reader: Reader
  done = false

  private constructor(reader: Reader) {
    this.#reader = reader
  }

  static async open(kind: Kind, setting: Setting): Promise<RunningSource> {
    const context = await contextOf(kind, setting)
    const setup = kindDefinition(kind).setup as unknown as (context: object) => Async<Reader>
    return new RunningSource(await setup(context))
  }

  get positions(): SourcePositions | undefined {
    return this.#reader.positions?.()
  }

  poll(max = 256): Async<'more' | 'done'> {
    return this.#reader.poll(max, this.output as never)
  }

  /** Polls until the source is done, and gives everything it sent. */
  async all(max = 256): Promise<unknown[]> {
    await this.until(() => false, max)
    return this.output.messages
  }

  /** Polls until the condition holds or the source is done. */
  async until(condition: (messages: readonly unknown[]) => boolean, max = 256): Promise<void> {
    try {
      while (!this.done && !condition(this.output.messages)) {
        const before = this.output.messages.length
        const polled = this.poll(max)
        const result = typeof polled === 'string' ? polled : await polled
        assert.ok(this.output.messages.length - before <= max)
        if (result === 'done') this.done = true
      }
    } catch (error) {
      await this.close()
      throw error
    }
    if (this.done) await this.close()
  }

  async close(): Promise<void> {
    await this.#reader.close?.()
  }
}

interface Behaviour {
  readonly on?: { readonly in: (message: unknown, context: object) => unknown }
  readonly drain?: (context: object) => Async<void>
  readonly close?: () => Async<void>
}

/** A component with the port `in` that was set up. */
export class RunningComponent {
  readonly output = new Output()
  readonly #context: object
  readonly #behaviour: Behaviour
  /** How often a handler returned a promise. */
  waits = 0

  private constructor(context: object, behaviour: Behaviour) {
    this.#context = { ...context, emit: this.output.emit }
    this.#behaviour = behaviour
  }

  static async open(kind: Kind, setting: Setting): Promise<RunningComponent> {
    const context = await contextOf(kind, setting)
    const definition = kindDefinition(kind)
    const setup = definition.setup as unknown as ((context: object) => Async<Behaviour>) | undefined
    const behaviour = setup === undefined ? (definition as unknown as Behaviour) : await setup(context)
    return new RunningComponent(context, behaviour)
  }

  async send(...messages: readonly unknown[]): Promise<void> {
    for (const message of messages) {
      const result = this.#behaviour.on!.in(message, this.#context)
      if (typeof result !== 'object' || result === null) continue
      if (Symbol.asyncIterator in result) {
        for await (const _ of result as AsyncIterable<unknown>);
      } else {
        this.waits++
        await (result as PromiseLike<void>)
      }
    }
  }

  async drain(): Promise<void> {
    await this.#behaviour.drain?.(this.#context)
  }

  async close(): Promise<void> {
    await this.#behaviour.close?.()
  }

  /** The clean end. */
  async finish(): Promise<void> {
    await this.drain()
    await this.close()
  }
}

/** A folder that is removed after the test. */
export function folder(test: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'vertigo-connectors-'))
  test.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Checks for `assert.rejects` and `assert.throws`: the code, its exit code, and pieces of the message. */
export function coded(code: ErrorCode, ...pieces: readonly string[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isVertigoError(error), `not a VertigoError: ${String(error)}`)
    assert.equal(error.code, code, error.message)
    assert.equal(error.exitCode, errorCodes[code].exit)
    for (const piece of pieces)
      assert.ok(error.message.includes(piece), `"${error.message}" lacks "${piece}"`)
    return true
  }
}

/** Waits for a promise, and fails with `what` when it has not settled in time. */
export async function within<T>(promise: PromiseLike<T>, what: string, deadlineMs = 15_000): Promise<T> {
  let cancel: Cancel = () => undefined
  const late = new Promise<never>((_resolve, reject) => {
    cancel = systemClock.after(deadlineMs, () => reject(new Error(`not within ${deadlineMs} ms: ${what}`)))
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    cancel()
  }
}

/** Settles once everything that was due has run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    systemClock.soon(resolve)
  })
}
