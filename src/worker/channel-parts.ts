import { VertigoError } from '../base/errors.ts'
import type { CustomSelector, MessageHook, RouterSelector } from '../messaging/router.ts'
import { keyReader } from '../state/keys.ts'
import type { InstanceAssignment, ModuleAddress, OutputAssignment } from './assignment.ts'
import { loadHooks } from './hooks.ts'

interface Means {
  readonly load: (module: ModuleAddress) => Promise<unknown>
}

/** What an instance's channels need that has to be loaded; so a switch waits for nothing. */
export interface ChannelParts {
  /** Hooks of the component. */
  readonly onSend: readonly MessageHook[]
  readonly onReceive: readonly MessageHook[]
  /** By channel: hooks of its connection, then those of the component. */
  readonly inputs: ReadonlyMap<number, readonly MessageHook[]>
  /** In the order of the assignment's outputs. */
  readonly outputs: readonly { readonly selector: RouterSelector; readonly hooks: readonly MessageHook[] }[]
}

export async function loadChannelParts(assigned: InstanceAssignment, means: Means): Promise<ChannelParts> {
  const onReceive = await messageHooks(assigned.hooks, 'onReceive', means)
  const onSend = await messageHooks(assigned.hooks, 'onSend', means)
  const inputs = new Map<number, readonly MessageHook[]>()
  for (const { channel, hooks } of assigned.inputs) {
    const own = hooks.length === 0 ? [] : await messageHooks(hooks, 'onReceive', means)
    inputs.set(channel, [...own, ...onReceive])
  }
  const outputs: { selector: RouterSelector; hooks: readonly MessageHook[] }[] = []
  for (const output of assigned.outputs) {
    const hooks = await messageHooks(output.hooks, 'onSend', means)
    outputs.push({ hooks, selector: await loadSelector(output, means) })
  }
  return { onSend, onReceive, inputs, outputs }
}

async function loadSelector({ selector }: OutputAssignment, means: Means): Promise<RouterSelector> {
  if (selector.type === 'hash') return { type: 'hash', key: keyReader(selector.key) }
  if (selector.type !== 'custom') return selector
  const choose = await means.load(selector.module)
  if (typeof choose !== 'function') {
    throw new VertigoError(
      'SELECTOR_FAILED',
      `"${selector.module.address}" is not a selector: it is no function`,
    )
  }
  return { type: 'custom', choose: choose as CustomSelector }
}

async function messageHooks(
  hooks: readonly ModuleAddress[],
  name: 'onSend' | 'onReceive',
  means: Means,
): Promise<readonly MessageHook[]> {
  const loaded = await Promise.all(hooks.map((hook) => loadHooks(hook, means)))
  return loaded.flatMap((hook) => hook[name] ?? [])
}
