import assert from 'node:assert/strict'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import type { Kind, Logger, Sink, SourcePositions, SourceReader } from '../../src/component/index.ts'
import { checkConfig, kindDefinition } from '../../src/component/kind.ts'

/** Sources and sinks that are called as the engine calls them, one call after another, to see each call's effect on a server. */

export interface OpenOptions {
  readonly config: Readonly<Record<string, unknown>>
  readonly instance?: number
  readonly instances?: number
  readonly publishes?: 'at-once' | 'with-snapshots'
  readonly writer?: string
  readonly positions?: SourcePositions | undefined
  readonly clock?: Clock
  /** Is told what is logged. */
  readonly logged?: (text: string) => void
}

interface Behaviour {
  readonly on: { readonly in: (message: unknown, context: object) => void | PromiseLike<void> | undefined }
  readonly sink?: Sink
  readonly drain?: (context: object) => PromiseLike<void> | void
  readonly close?: () => PromiseLike<void> | void
}

async function setUp(kind: Kind, options: OpenOptions, stop: AbortController): Promise<unknown> {
  const definition = kindDefinition(kind)
  const { instance = 0, instances = 1 } = options
  const checked = await checkConfig(definition, options.config)
  if ('faults' in checked) assert.fail(JSON.stringify(checked.faults))
  const write = (text: string): void => options.logged?.(text)
  const log: Logger = { fatal: write, error: write, warn: write, info: write, debug: write, trace: write }
  const context = {
    component: 'it',
    instance,
    instances,
    config: checked.value,
    log,
    clock: options.clock ?? systemClock,
    signal: stop.signal,
    inputs: {},
    publishes: options.publishes ?? 'with-snapshots',
    writer: options.writer ?? 'test/net/it/0',
    positions: options.positions,
  }
  const list = definition.splits as unknown as
    ((context: object) => PromiseLike<readonly string[]>) | undefined
  const splits = (await list?.(context))?.filter((_, index) => index % instances === instance)
  const setup = definition.setup as unknown as (context: object) => unknown
  return setup({ ...context, splits })
}

export class OpenedSink {
  readonly #behaviour: Behaviour
  readonly #stop: AbortController

  private constructor(behaviour: Behaviour, stop: AbortController) {
    this.#behaviour = behaviour
    this.#stop = stop
  }

  static async open(kind: Kind, options: OpenOptions): Promise<OpenedSink> {
    const stop = new AbortController()
    return new OpenedSink((await setUp(kind, options, stop)) as Behaviour, stop)
  }

  /** Of those that publish with snapshots. */
  get sink(): Sink {
    const { sink } = this.#behaviour
    if (sink === undefined) assert.fail('it does not publish with snapshots')
    return sink
  }

  async send(...messages: readonly unknown[]): Promise<void> {
    for (const message of messages) await this.#behaviour.on.in(message, {})
  }

  async drain(): Promise<void> {
    await this.#behaviour.drain?.({})
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the test is over'))
    await this.#behaviour.close?.()
  }
}

type Reader = SourceReader<Record<string, never>>

export class OpenedSource<T = unknown> {
  readonly messages: T[] = []
  readonly #reader: Reader
  readonly #stop: AbortController
  done = false

  private constructor(reader: Reader, stop: AbortController) {
    this.#reader = reader
    this.#stop = stop
  }

  static async open<T = unknown>(kind: Kind, options: OpenOptions): Promise<OpenedSource<T>> {
    const stop = new AbortController()
    return new OpenedSource<T>((await setUp(kind, options, stop)) as Reader, stop)
  }

  get positions(): SourcePositions {
    return this.#reader.positions!()
  }

  async release(positions: SourcePositions): Promise<void> {
    await this.#reader.release?.(positions)
  }

  async poll(max = 256): Promise<void> {
    const before = this.messages.length
    const emit = { out: (message: T) => void this.messages.push(message) }
    if ((await this.#reader.poll(max, { emit } as never)) === 'done') this.done = true
    assert.ok(this.messages.length - before <= max, 'a poll gives no more than it is asked for')
  }

  /** Polls until there are so many, or it is done. */
  async until(count: number, max = 256): Promise<readonly T[]> {
    while (!this.done && this.messages.length < count)
      await this.poll(Math.min(max, count - this.messages.length))
    return this.messages
  }

  async all(): Promise<readonly T[]> {
    return this.until(Infinity)
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the test is over'))
    await this.#reader.close?.()
  }
}
