import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import type { SharedCollections } from '../component/shared.ts'
import type { KindDefinition } from '../component/kind.ts'
import type { Journal } from '../journal/journal.ts'
import type { Inbox } from '../messaging/inbox.ts'
import type { NewKeyedState } from '../state/keyed-state.ts'
import type { KeyReader } from '../state/keys.ts'
import type { SharedContext } from './call.ts'
import { checkTimers, type TimerSet } from './timer-set.ts'
import {
  makeMessageLoop,
  makeRunLoop,
  makeTrackedLoop,
  type MessageLoop,
  type RunLoop,
  type TrackedLoop,
} from './message-loop.ts'
import {
  type AuthorBehaviour,
  declaredBehaviour,
  type Invoke,
  mapGroupHandlers,
  mergeBehaviour,
  type PortHandlers,
  portHandlers,
  pumpHandlers,
} from './handlers.ts'

/** What an instance's `setup` is given beyond its identity. */
export interface SetupMeans {
  /** Imports a module of the user's, addressed as kinds are. */
  readonly load: (address: string) => Promise<unknown>
  /** Input ports that something is connected to, with the reader of their routing keys. */
  readonly connected: ReadonlyMap<string, KeyReader | undefined>
  /** Input ports whose messages are checked against their schema. */
  readonly checked: ReadonlySet<string>
  /** What the caller's code is reached by, for kinds that are placed in the main thread. */
  readonly bridge: object | undefined
  /** Of the backend that the network has. */
  readonly newKeyed: NewKeyedState | undefined
  /** Opens the journals of a source that has one, by the number of the copy and the life; undefined where it has none. */
  readonly journals: SourceJournals | undefined
}

/** The journals of one source, for its own copy and those whose it takes over. */
export interface SourceJournals {
  readonly life: number
  /** Of copies that are no more: of what they have acknowledged, there may be no snapshot. */
  readonly left: readonly { readonly instance: number; readonly life: number }[]
  open(instance: number, life: number, isKnown: boolean): Promise<Journal>
  /** Deletes those of its own copy from other lives than these. */
  forgetOthers(lives: readonly number[]): Promise<void>
}

/** The instance, as far as its contexts show it. */
export interface ContextInstance {
  readonly identity: {
    readonly component: string
    readonly instance: number
    readonly instances: number
    readonly config: unknown
  }
  readonly logger: object
  readonly metrics: object
  readonly clock: Clock
  readonly shared: SharedCollections
}

interface InstanceWithInputs extends ContextInstance {
  readonly publishes: 'at-once' | 'with-snapshots'
  readonly writer: string
  readonly inputs: readonly InputPort[]
  readonly inbox: Inbox
  /** Those that a snapshot had. */
  readonly timers: TimerSet
  readonly isMigrated: boolean
  pauseInput(port: number): void
  wake(): void
}

/** The key under which `setup` finds the bridge to the caller's code. */
export const codeBridge = Symbol.for('vertigo.code-bridge')

/** An input port of an instance, with its handlers. */
export class InputPort {
  readonly name: string
  readonly index: number
  readonly readKey: KeyReader | undefined
  message: Invoke | undefined
  groups: PortHandlers['groups']
  batch: PortHandlers['batch']
  readonly loop: MessageLoop
  private run: RunLoop | undefined
  private sinkRun: RunLoop | undefined
  private tracked: TrackedLoop | undefined
  private readonly isKeyed: boolean
  private readonly schema: StandardSchemaV1 | undefined
  private readonly isConnected: boolean
  private isChecked: boolean
  /** The author's, without a check. */
  private handlers: PortHandlers | undefined
  private isRead = false

  constructor(name: string, index: number, definition: KindDefinition, means: SetupMeans) {
    this.name = name
    this.index = index
    this.isConnected = means.connected.has(name)
    this.readKey = means.connected.get(name)
    this.isKeyed = definition.state !== undefined
    this.loop = makeMessageLoop(this.isKeyed)
    this.schema = definition.inputs[name]?.schema
    this.isChecked = means.checked.has(name)
  }

  /** For parcels with tracked messages, whose handlers send to one channel. */
  get runLoop(): RunLoop {
    this.run ??= makeRunLoop(this.isKeyed, true)
    return this.run
  }

  /** The same, for handlers that send to `nowhere`. */
  get sinkLoop(): RunLoop {
    this.sinkRun ??= makeRunLoop(this.isKeyed, false)
    return this.sinkRun
  }

  /** For those whose handlers may send to several. */
  get trackedLoop(): TrackedLoop {
    this.tracked ??= makeTrackedLoop(this.isKeyed)
    return this.tracked
  }

  /** Errors: PORT_NOT_READ where something is connected and nothing handles it. */
  bind(behaviour: AuthorBehaviour): void {
    const handlers = portHandlers(this.name, behaviour)
    this.handlers = handlers
    this.use(handlers)
    this.isRead = (handlers.message ?? handlers.groups ?? handlers.batch?.message) !== undefined
    if (this.isConnected) this.checkRead()
  }

  /** Messages are checked from now on: somebody who was not connected to it before may send anything. Idempotent. */
  check(): void {
    if (this.isChecked) return
    this.isChecked = true
    if (this.handlers !== undefined) this.use(this.handlers)
  }

  private use({ message, groups, batch }: PortHandlers): void {
    this.message = message === undefined ? undefined : this.checking(message)
    this.groups = this.checkingGroups(groups)
    this.batch = this.checkingMessages(batch)
  }

  /** Once it is bound. Errors: PORT_NOT_READ */
  checkRead(): void {
    if (!this.isRead) {
      throw new VertigoError(
        'PORT_NOT_READ',
        `input port "${this.name}" is connected, but the component has no handler for it`,
        {
          place: { port: this.name },
        },
      )
    }
  }

  private get checks(): boolean {
    return this.isChecked && this.schema !== undefined
  }

  private checkingGroups(groups: PortHandlers['groups']): PortHandlers['groups'] {
    if (groups === undefined || !this.checks) return groups
    return mapGroupHandlers(groups, (handlers) => this.checkingMessages(handlers))
  }

  private checkingMessages<H extends { readonly message?: Invoke } | undefined>(handlers: H): H {
    if (handlers?.message === undefined || !this.checks) return handlers
    return { ...handlers, message: this.checking(handlers.message) }
  }

  private checking(handler: Invoke): Invoke {
    const { schema, name } = this
    if (schema === undefined || !this.checks) return handler
    return (message, context) => {
      const result = schema['~standard'].validate(message)
      if (!(result instanceof Promise)) return handler(accepted(result, name), context)
      return result.then((settled) => handler(accepted(settled, name), context))
    }
  }
}

function accepted(result: StandardSchemaV1.Result<unknown>, port: string): unknown {
  if (result.issues === undefined) return result.value
  const [issue] = result.issues
  const path = (issue?.path ?? []).map((step) => String(typeof step === 'object' ? step.key : step)).join('.')
  throw new VertigoError(
    'MESSAGE_INVALID',
    `port "${port}": ${path === '' ? '' : `${path}: `}${issue?.message ?? 'invalid'}`,
    {
      place: { port },
    },
  )
}

export function prepareInputs(definition: KindDefinition, means: SetupMeans): readonly InputPort[] {
  return Object.keys(definition.inputs).map((name, index) => new InputPort(name, index, definition, means))
}

/** Runs the author's `setup` and gives the handlers, with the context that is the same for every message. */
export async function runSetup(
  instance: InstanceWithInputs,
  definition: KindDefinition,
  means: SetupMeans,
  signal: AbortSignal,
): Promise<{ behaviour: AuthorBehaviour; shared: SharedContext }> {
  const shared = sharedContext(instance, signal, inputControls(instance))
  const pumps: AuthorBehaviour[] = []
  const context = {
    ...shared,
    load: means.load,
    publishes: instance.publishes,
    writer: instance.writer,
    pump: (input: string, output: string) => pumps.push(checkedPump(definition, input, output)),
    [codeBridge]: means.bridge,
  }
  const setup = definition.setup as ((context: object) => unknown) | undefined
  const fromSetup = (await setup?.(context)) as AuthorBehaviour | undefined
  let behaviour = mergeBehaviour(declaredBehaviour(definition), fromSetup)
  for (const pump of pumps) {
    behaviour = mergeBehaviour(behaviour, pump)
  }
  checkTimers(instance.timers, behaviour.timers, instance.isMigrated)
  return { behaviour, shared }
}

/** What every context of the instance holds. */
export function sharedContext(instance: ContextInstance, signal: AbortSignal, inputs: object): SharedContext {
  return {
    ...instance.identity,
    log: instance.logger,
    metrics: instance.metrics,
    clock: instance.clock,
    shared: instance.shared,
    signal,
    inputs,
  }
}

function inputControls(instance: InstanceWithInputs): object {
  const controls: Record<string, unknown> = {}
  for (const { name, index } of instance.inputs) {
    controls[name] = {
      pause: () => instance.pauseInput(index),
      resume: () => {
        instance.inbox.resume(index)
        instance.wake()
      },
      get paused(): boolean {
        return instance.inbox.isPaused(index)
      },
    }
  }
  return controls
}

function checkedPump(definition: KindDefinition, input: string, output: string): AuthorBehaviour {
  if (!Object.hasOwn(definition.inputs, input) || !Object.hasOwn(definition.outputs, output)) {
    throw new VertigoError(
      'PORT_UNKNOWN',
      `pump("${input}", "${output}") names a port that the component does not declare`,
    )
  }
  return pumpHandlers(input, output)
}
