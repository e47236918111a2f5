import type { BatchStart } from '../component/handlers.ts'
import type { KindDefinition } from '../component/kind.ts'
import type { Sink } from '../component/sink.ts'

/** The author's handlers as the engine calls them: types erased, looked up once. */
export type Invoke = (message: unknown, context: object) => unknown

export interface GroupHandlerSet {
  readonly start?: Invoke
  readonly message?: Invoke
  readonly end?: Invoke
  readonly groups?: { readonly [name: string]: GroupHandlerSet }
}

export interface PortHandlers {
  readonly name: string
  readonly message: Invoke | undefined
  readonly groups: { readonly [name: string]: GroupHandlerSet } | undefined
  readonly batch:
    | {
        readonly start?: (args: unknown, context: object, batch: BatchStart) => unknown
        readonly message?: Invoke
        readonly end?: Invoke
      }
    | undefined
}

/** What a definition and the result of its `setup` hold together. */
export interface AuthorBehaviour {
  readonly on?: { readonly [port: string]: Invoke | undefined }
  readonly groups?: { readonly [port: string]: { readonly [name: string]: GroupHandlerSet } | undefined }
  readonly batches?: { readonly [port: string]: PortHandlers['batch'] }
  readonly timers?: { readonly [name: string]: (context: object) => unknown }
  readonly ready?: (context: object) => unknown
  readonly drain?: (context: object) => unknown
  readonly close?: () => unknown
  readonly sink?: Sink
}

/** What the definition itself declares. */
export function declaredBehaviour(definition: KindDefinition): AuthorBehaviour {
  return definition as unknown as AuthorBehaviour
}

/** What `setup` returned goes before what was declared, port by port. */
export function mergeBehaviour(
  declared: AuthorBehaviour,
  fromSetup: AuthorBehaviour | undefined,
): AuthorBehaviour {
  if (fromSetup === undefined) return declared
  return {
    on: { ...declared.on, ...fromSetup.on },
    groups: { ...declared.groups, ...fromSetup.groups },
    batches: { ...declared.batches, ...fromSetup.batches },
    timers: { ...declared.timers, ...fromSetup.timers },
    ready: fromSetup.ready ?? declared.ready,
    drain: fromSetup.drain ?? declared.drain,
    close: fromSetup.close ?? declared.close,
    sink: fromSetup.sink ?? declared.sink,
  }
}

export function portHandlers(port: string, behaviour: AuthorBehaviour): PortHandlers {
  return {
    name: port,
    message: ownField(behaviour.on, port),
    groups: ownField(behaviour.groups, port),
    batch: ownField(behaviour.batches, port),
  }
}

/** What stands under a name that the author chose: `constructor` is a name like any other, and no handler. */
export function ownField<T>(among: { readonly [name: string]: T } | undefined, name: string): T | undefined {
  return among !== undefined && Object.hasOwn(among, name) ? among[name] : undefined
}

/** The same handlers with each set of them changed. Sets may contain themselves (groups of any depth). */
export function mapGroupHandlers(
  groups: { readonly [name: string]: GroupHandlerSet },
  change: (handlers: GroupHandlerSet) => GroupHandlerSet,
  known: Map<GroupHandlerSet, GroupHandlerSet> = new Map(),
): { readonly [name: string]: GroupHandlerSet } {
  const changedSet = (handlers: GroupHandlerSet): GroupHandlerSet => {
    const earlier = known.get(handlers)
    if (earlier !== undefined) return earlier
    const changed: { groups?: GroupHandlerSet['groups'] } = {}
    known.set(handlers, changed)
    const { groups: inner } = handlers
    Object.assign(changed, change(handlers))
    if (inner !== undefined) changed.groups = mapGroupHandlers(inner, change, known)
    return changed
  }
  return Object.fromEntries(Object.entries(groups).map(([name, handlers]) => [name, changedSet(handlers)]))
}

/** Handlers for a group: by its name, else by `*`; inside a group, of that group's inner handlers. */
export function groupHandlers(
  among: { readonly [name: string]: GroupHandlerSet } | undefined,
  name: string | undefined,
): GroupHandlerSet | undefined {
  if (among === undefined) return undefined
  if (name !== undefined && Object.hasOwn(among, name)) return among[name]
  return Object.hasOwn(among, '*') ? among['*'] : undefined
}

type Opener = (
  name?: string,
  args?: unknown,
) => { group: Opener; send: (m: unknown) => void; end: (args?: unknown) => void }
interface PumpContext {
  readonly emit: Record<
    string,
    ((message: unknown) => void) & {
      group: Opener
      batch: (args: unknown) => { end: (args: unknown) => void }
    }
  >
  readonly group: {
    readonly state: Record<string, unknown>
    readonly name?: string
    readonly parent?: PumpContext['group']
  }
}

/** Handlers that send everything of `input` on to `output`, groups and batches included. */
export function pumpHandlers(input: string, output: string): AuthorBehaviour {
  const opened = Symbol('pumped group')
  const slot = opened as unknown as string
  let batch: { end: (args: unknown) => void } | undefined
  let batches = 0
  const group: { -readonly [K in keyof GroupHandlerSet]: GroupHandlerSet[K] } = {
    start(args, context) {
      const at = (context as PumpContext).group
      const outer = at.parent?.state[slot] as { group: Opener } | undefined
      at.state[slot] = (outer ?? (context as PumpContext).emit[output]!).group(at.name, args)
    },
    message(message, context) {
      const out = (context as PumpContext).group.state[slot] as { send: (m: unknown) => void }
      out.send(message)
    },
    end(args, context) {
      const out = (context as PumpContext).group.state[slot] as { end: (args: unknown) => void }
      out.end(args)
    },
  }
  group.groups = { '*': group }
  return {
    on: { [input]: (message, context) => (context as PumpContext).emit[output]!(message) },
    groups: { [input]: { '*': group } },
    batches: {
      [input]: {
        // Several senders' batches overlap, and a port has one batch at a time: theirs become one.
        start: (args, context) => {
          if (batches++ === 0) batch = (context as PumpContext).emit[output]!.batch(args)
        },
        end: (args) => {
          if (--batches === 0) batch?.end(args)
        },
      },
    },
  }
}
