import { type Clock, systemClock } from '../../../src/base/clock.ts'
import { checkConfig, kindDefinition } from '../../../src/component/kind.ts'
import type { Kind } from '../../../src/component/index.ts'

export interface RunOptions {
  readonly config?: Readonly<Record<string, unknown>>
  readonly clock?: Clock
  readonly instances?: number
  /** What `load` gives, by address. */
  readonly modules?: Readonly<Record<string, unknown>>
  /** The routing key of a message. Default: the message. */
  readonly key?: (message: unknown) => unknown
}

type Invoke = (message: unknown, context: object) => unknown

/** Runs one instance of a kind with the ports `in` and `out`, without the engine: gives what it sends, in steps of what each pull sends. */
export async function runKind(kind: Kind, messages: Iterable<unknown>, options: RunOptions = {}) {
  const { config = {}, clock = systemClock, instances = 1, modules = {}, key = (m) => m } = options
  const definition = kindDefinition(kind)
  const checked = await checkConfig(definition, config)
  if ('faults' in checked) throw new Error(JSON.stringify(checked.faults))
  const common = {
    component: 'tested',
    config: checked.value,
    clock,
    instances,
    instance: 0,
    signal: new AbortController().signal,
    load: (address: string) => Promise.resolve(modules[address]),
  }
  const behaviour = ((await definition.setup?.(common as never)) ?? definition) as {
    readonly on: { readonly in: Invoke }
  }
  const states = new Map<unknown, Map<string, unknown>>()
  const sent: unknown[] = []
  const steps: number[] = []
  const emit = { out: (message: unknown) => sent.push(message) }
  for (const message of messages) {
    const state: Record<string, object> = {}
    for (const [name, declared] of Object.entries(definition.state ?? {})) {
      const owner = declared.options.scope === 'instance' ? 'instance' : key(message)
      const slots = states.get(owner) ?? new Map<string, unknown>()
      states.set(owner, slots)
      const get = () =>
        slots.has(name) ? slots.get(name) : declared.type === 'value' ? declared.initial : undefined
      const set = (value: unknown) => slots.set(name, value)
      const update = (change: (old: unknown) => unknown) => {
        set(change(get()))
        return get()
      }
      state[name] = { get, set, update }
    }
    const result = await behaviour.on.in(message, { ...common, emit, state })
    if (typeof result === 'object' && result !== null && 'next' in result) {
      for (;;) {
        const before = sent.length
        const { done } = await (result as AsyncIterator<unknown>).next()
        steps.push(sent.length - before)
        if (done === true) break
      }
    }
  }
  return { sent, steps }
}
