import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ConfigFault, KindInfo } from '../model/kind-info.ts'
import { isReferenceAt } from '../model/secret-references.ts'
import type { Ports } from './port.ts'
import type { PartedStateOptions, Redistribution, StateDeclarations, StateMigration } from './state.ts'
import type { TrackOptions } from './tracking.ts'

const brand = Symbol.for('vertigo.kind')

declare const configType: unique symbol

/** A kind: the code behind components. Made by `defineComponent`, `defineSource` and `defineFunction`. */
export interface Kind<out I extends Ports = Ports, out O extends Ports = Ports, out C = unknown> {
  readonly [brand]: KindDefinition
  readonly [configType]: C
  readonly inputs: I
  readonly outputs: O
  /** Set for built-in kinds: the name by which networks in files call them. */
  readonly builtIn?: string
}

type AnyFunction = (...values: never[]) => unknown

/** A kind as the engine sees it: the author's types erased. */
export interface KindDefinition {
  readonly role: 'component' | 'source'
  readonly description?: string
  readonly placement?: 'worker' | 'main'
  readonly files?: 'local' | 'shared'
  readonly inputs: Ports
  readonly outputs: Ports
  readonly config?: StandardSchemaV1
  readonly state?: StateDeclarations
  readonly stateVersion?: number
  readonly migrate?: { readonly [version: number]: StateMigration }
  readonly concurrency?: number
  readonly order?: 'input' | 'completion'
  readonly rewinds?: boolean
  readonly track?: TrackOptions
  readonly splits?: AnyFunction
  readonly journal?: 'engine' | 'none'
  readonly isFunction?: boolean
  readonly targets?: (
    config: never,
    instance: number,
    instances: number,
  ) => readonly string[] | PromiseLike<readonly string[]>
  readonly on?: { readonly [port: string]: AnyFunction | undefined }
  readonly groups?: object
  readonly batches?: object
  readonly timers?: object
  readonly ready?: AnyFunction
  readonly drain?: AnyFunction
  readonly close?: AnyFunction
  readonly sink?: object
  readonly setup?: AnyFunction
  readonly read?: AnyFunction
}

export function makeKind<I extends Ports, O extends Ports, C>(definition: object): Kind<I, O, C> {
  // Code that no compiler has checked may leave them out.
  const { inputs = {}, outputs = {} } = definition as Partial<KindDefinition>
  return { [brand]: { ...definition, inputs, outputs }, inputs, outputs } as unknown as Kind<I, O, C>
}

/** Names a kind of this package, so that networks in files can use it by that name. */
export function builtInKind<K extends Kind>(name: string, kind: K): K {
  return { ...kind, builtIn: name }
}

/** True for kinds of any loaded copy of this package. */
export function isKind(value: unknown): value is Kind {
  return typeof value === 'object' && value !== null && brand in value
}

export function kindDefinition(kind: Kind): KindDefinition {
  return kind[brand]
}

/** Checks a configuration and gives what the schema makes of it (defaults filled in). */
export async function checkConfig(
  definition: KindDefinition,
  config: { readonly [field: string]: unknown },
): Promise<
  { readonly value: Readonly<Record<string, unknown>> } | { readonly faults: readonly ConfigFault[] }
> {
  const schema = definition.config
  if (schema === undefined) return { value: config }
  const result = await schema['~standard'].validate(config)
  if (result.issues === undefined) return { value: result.value as Readonly<Record<string, unknown>> }
  return {
    faults: result.issues.map((issue) => ({
      path: (issue.path ?? []).map((step) => {
        const key = typeof step === 'object' ? step.key : step
        return typeof key === 'number' ? key : String(key)
      }),
      message: issue.message,
    })),
  }
}

/** Of one that says none. */
export const firstStateVersion = 1

/** A state as it is declared, as far as snapshots have to know it. */
export interface DeclaredState {
  readonly name: string
  readonly type: 'value' | 'map' | 'list'
  readonly scope: 'keyed' | 'instance'
  readonly onRescale: Redistribution
  readonly hasTtl: boolean
}

/** In the order of the declaration. */
export function declaredStates({ state = {} }: KindDefinition): readonly DeclaredState[] {
  return Object.entries(state).map(([name, { type, options }]) => {
    const { scope = 'keyed', onRescale = 'refuse', ttlMs }: PartedStateOptions = options
    return { name, type, scope, onRescale, hasTtl: ttlMs !== undefined }
  })
}

/** Whether messages of the kind belong to keys. */
export function hasKeyedState(definition: KindDefinition): boolean {
  return Object.values(definition.state ?? {}).some((state) => (state.options.scope ?? 'keyed') === 'keyed')
}

/** Whether all messages of an instance share state. */
export function hasInstanceState(definition: KindDefinition): boolean {
  return Object.values(definition.state ?? {}).some((state) => state.options.scope === 'instance')
}

/** A source that tracks sends again what was lost: a journal beside that would keep everything twice. */
function journalOf({ journal, track }: KindDefinition): Pick<KindInfo, 'journal'> {
  if (journal !== undefined) return { journal }
  return track === undefined ? {} : { journal: 'none' }
}

/** What validation needs to know of a kind. */
export function kindInfo(kind: Kind): KindInfo {
  const definition = kindDefinition(kind)
  return {
    role: definition.role,
    inputs: Object.keys(definition.inputs),
    outputs: Object.keys(definition.outputs),
    keyedState: hasKeyedState(definition),
    instanceState: hasInstanceState(definition),
    concurrency: definition.concurrency,
    rewinds: definition.rewinds ?? false,
    ...journalOf(definition),
    async checkConfig(config) {
      const checked = await checkConfig(definition, config)
      if (!('faults' in checked)) return []
      // What a secret is shows where the instance is set up.
      return checked.faults.filter(({ path }) => !isReferenceAt(config, path))
    },
    async targets(config, instances) {
      const { targets } = definition
      if (targets === undefined) return []
      const checked = await checkConfig(definition, config)
      if ('faults' in checked) return []
      const ofEach = Array.from({ length: instances }, async (_, instance) =>
        targets(checked.value as never, instance, instances),
      )
      return Promise.all(ofEach)
    },
  }
}
