import { VertigoError } from '../base/errors.ts'
import { checkConfig, hasInstanceState, isKind, type Kind, kindDefinition } from '../component/kind.ts'
import { defineFunction } from '../component/define.ts'
import { sharedStateFault } from '../model/kind-info.ts'
import type { NewKeyedState } from '../state/keyed-state.ts'
import { keyReader } from '../state/keys.ts'
import type { InstanceAssignment, ModuleAddress } from './assignment.ts'
import { ComponentInstance } from './component-instance.ts'
import { loadHooks } from './hooks.ts'
import { failurePolicy, type InstanceHost } from './host.ts'
import type { Instance, InstanceIdentity, LifeHooks } from './instance.ts'
import type { Secrets } from './secrets.ts'
import type { Journals } from './journal/journals.ts'
import type { SetupMeans, SourceJournals } from './setup.ts'
import { SourceInstance } from './source-instance.ts'

interface Means {
  readonly load: (module: ModuleAddress) => Promise<unknown>
  readonly bridge?: object
  readonly check: 'edges' | 'all' | 'none'
  readonly secrets: Secrets
  /** Default: in memory. */
  readonly newKeyed: NewKeyedState | undefined
  /** Where the journals of sources are, and of which generation of which network whoever opens them is. */
  readonly journals?: Journals
  readonly network: string
  readonly generation: number
}

/** Loads the kind of an instance and makes it; its channels come later. */
export async function makeInstance(
  assigned: InstanceAssignment,
  host: InstanceHost,
  means: Means,
): Promise<Instance> {
  const definition = kindDefinition(asKind(await means.load(assigned.kind), assigned.kind.address))
  const checked = await checkConfig(
    definition,
    await means.secrets.resolve(assigned.config, assigned.component),
  )
  if ('faults' in checked) {
    const [fault] = checked.faults
    throw new VertigoError(
      'CONFIG_INVALID',
      `config.${fault?.path.join('.') ?? ''}: ${fault?.message ?? 'invalid'}`,
    )
  }
  const identity: InstanceIdentity = {
    component: assigned.component,
    instance: assigned.instance,
    instances: assigned.instances,
    config: checked.value,
  }
  const hooks = await lifeHooks(assigned.hooks, means)
  const setupMeans = setupMeansOf(assigned, means)
  if (definition.role === 'source')
    return new SourceInstance(identity, definition, host, hooks, setupMeans, assigned.positions)
  const options = {
    concurrency: assigned.concurrency ?? definition.concurrency ?? 1,
    order: assigned.order ?? definition.order ?? 'input',
    policy: failurePolicy(assigned.errors),
  } as const
  const { concurrency } = options
  const instanceState = hasInstanceState(definition)
  const shared = sharedStateFault(assigned.component, { instanceState, concurrency, errors: assigned.errors })
  if (shared !== undefined) throw new VertigoError('STATE_NEEDS_TURNS', shared)
  return new ComponentInstance(identity, definition, host, hooks, options, setupMeans)
}

/** A kind, or a plain function, which stands for `defineFunction` of it. */
export function asKind(loaded: unknown, address: string): Kind {
  if (isKind(loaded)) return loaded
  if (typeof loaded === 'function') return defineFunction(loaded as (message: unknown) => unknown)
  throw new VertigoError(
    'KIND_INVALID',
    `"${address}" is not a kind: it is ${loaded === null ? 'null' : typeof loaded}`,
  )
}

function setupMeansOf(assigned: InstanceAssignment, means: Means): SetupMeans {
  const connected = new Map<string, ((message: unknown) => unknown) | undefined>()
  const checked = new Set<string>()
  for (const input of assigned.inputs) {
    connected.set(input.port, input.isHash ? keyReader(input.key) : connected.get(input.port))
    if (means.check === 'all' || (means.check === 'edges' && input.fromEdge)) checked.add(input.port)
  }
  for (const { port, isHash, key } of assigned.initial) {
    if (!connected.has(port)) connected.set(port, isHash ? keyReader(key) : undefined)
    if (means.check !== 'none') checked.add(port)
  }
  return {
    load: (address) => means.load({ address, base: assigned.kind.base }),
    connected,
    checked,
    bridge: means.bridge,
    newKeyed: means.newKeyed,
    journals: sourceJournals(assigned, means),
  }
}

function sourceJournals(assigned: InstanceAssignment, means: Means): SourceJournals | undefined {
  const { journal, component, instance: own } = assigned
  if (journal === undefined) return undefined
  const { journals, network, generation } = means
  if (journals === undefined)
    throw new VertigoError(
      'INTERNAL',
      `${component} is to have a journal, and the worker has no place for one`,
    )
  const { life, left = [], folder, bytesMax } = journal
  const place = { network, component, folder, bytesMax, generation }
  return {
    life,
    left,
    open: (instance, ofLife, isKnown) => journals.open({ ...place, instance, life: ofLife, isKnown }),
    forgetOthers: (lives) => journals.forgetOthers({ ...place, instance: own, life, isKnown: true }, lives),
  }
}

async function lifeHooks(hooks: readonly ModuleAddress[], means: Means): Promise<LifeHooks> {
  const loaded = await Promise.all(hooks.map((hook) => loadHooks(hook, means)))
  return {
    onStart: loaded.flatMap((hook) => hook.onStart ?? []),
    onStop: loaded.flatMap((hook) => hook.onStop ?? []),
  }
}
