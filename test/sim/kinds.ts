import { defineComponent, defineSource, type PollResult, port, value } from '../../src/component/index.ts'
import { type Clock, sleep } from '../../src/base/clock.ts'
import type { Random } from '../../src/base/random.ts'
import type { KindFacts } from '../../src/cluster/protocol/index.ts'

/** What travels: who sent it last, as the how manieth, and what it is keyed by. */
export interface Message {
  readonly from: number
  readonly seq: number
  readonly key: number
  /** How often it goes round a cycle yet. */
  readonly hops: number
}

/** Of a group: who has opened it, as the how manieth message of its sender it begins, and how many it has. */
export interface GroupArgs {
  readonly from: number
  readonly first: number
  readonly size: number
  /** Chooses the copy that the group goes to, where keys do. */
  readonly key: number
}

/** Of the simulation, in each configuration: which instance it is. */
export interface Identity {
  readonly network: string
  readonly id: number
  readonly component: string
  readonly index: number
  /** The number of the worker that it is prepared for. */
  readonly worker: number
}

export interface KindMeans {
  readonly clock: Clock
  readonly random: Random
  /** An instance is being set up; rejects where it is to fail. */
  begin(identity: Identity, config: Readonly<Record<string, unknown>>): Promise<void>
  /** It is about to emit: gives the number of the message. `group`: the number of the first message of its group. */
  emit(identity: Identity, key: number, group?: number): number
  /** It handles a message; throws where it is to fail. A promise where it takes its time. */
  handle(identity: Identity, message: Message, group: GroupArgs | undefined): Promise<void> | undefined
  /** It has come to the end of a group. */
  groupEnded(identity: Identity, group: GroupArgs): void
  /** It has state for the key of a message, by which it has handled so many messages before. */
  counted(identity: Identity, key: number, before: number): void
  /** No source emits at the moment. */
  isQuiet(): boolean
}

const keys = 12
const burstMax = 4
const groupPart = 0.25
const hopsMax = 4
const pauseMsMax = 150

interface Context {
  readonly emit: { readonly out: (message: Message) => void }
  readonly group?: { readonly args: unknown } | undefined
}

export function kindsOf(means: KindMeans): Readonly<Record<string, unknown>> {
  return {
    source: sourceKind(means),
    pass: passKind(means, (message) => message.hops),
    relay: passKind(means, ({ hops }) => (hops === 0 ? undefined : hops - 1)),
    sink: sinkKind(means),
    keyed: keyedKind(means),
  }
}

function sourceKind(means: KindMeans): unknown {
  const { clock, random } = means
  return defineSource({
    outputs: { out: port<Message>() },
    async setup({ config, signal }) {
      const identity = identityOf(config)
      await means.begin(identity, config)
      const from = identity.id
      return {
        async poll(max, { emit }): Promise<PollResult> {
          await sleep(clock, random.next() * pauseMsMax, signal)
          if (means.isQuiet()) return 'more'
          const size = Math.min(max, 1 + random.int(burstMax))
          const hops = random.int(hopsMax)
          if (size > 1 && random.next() < groupPart) {
            // All of one key: they go to one instance, where the state of another key may not be.
            const key = random.int(keys)
            const first = means.emit(identity, key, undefined)
            const group = emit.out.group('g', { from, first, size, key } satisfies GroupArgs)
            group.send({ from, seq: first, key, hops })
            for (let i = 1; i < size; i++)
              group.send({ from, seq: means.emit(identity, key, first), key, hops })
            group.end()
          } else
            for (let i = 0; i < size; i++) {
              const key = random.int(keys)
              emit.out({ from, seq: means.emit(identity, key), key, hops })
            }
          return 'more'
        },
      }
    },
  })
}

/** Sends on what it gets, inside of groups as outside; `hopsOf` says as what, undefined where not. */
function passKind(means: KindMeans, hopsOf: (message: Message) => number | undefined): unknown {
  return defineComponent({
    inputs: { in: port<Message>() },
    outputs: { out: port<Message>() },
    async setup({ config }) {
      const identity = identityOf(config)
      await means.begin(identity, config)
      const send = (message: Message, { emit }: Context): void => {
        const hops = hopsOf(message)
        if (hops === undefined) return
        const { key } = message
        emit.out({ from: identity.id, seq: means.emit(identity, key), key, hops })
      }
      const on = (message: Message, context: Context): Promise<void> | undefined => {
        const wait = means.handle(identity, message, argsOf(context))
        if (wait === undefined) send(message, context)
        return wait?.then(() => send(message, context))
      }
      return { on: { in: on }, groups: { in: { g: groupHandlers(means, identity, on) } } }
    },
  })
}

function sinkKind(means: KindMeans): unknown {
  return defineComponent({
    inputs: { in: port<Message>() },
    async setup({ config }) {
      const identity = identityOf(config)
      await means.begin(identity, config)
      const on = (message: Message, context: Pick<Context, 'group'>): Promise<void> | undefined =>
        means.handle(identity, message, argsOf(context))
      return { on: { in: on }, groups: { in: { g: groupHandlers(means, identity, on) } } }
    },
  })
}

/** Counts by key what it gets. */
function keyedKind(means: KindMeans): unknown {
  return defineComponent({
    inputs: { in: port<Message>() },
    state: { seen: value(0) },
    async setup({ config }) {
      const identity = identityOf(config)
      await means.begin(identity, config)
      return {
        on: {
          in(message, context) {
            const { seen } = context.state
            const before = seen.get()
            means.counted(identity, message.key, before)
            seen.set(before + 1)
            return means.handle(identity, message, argsOf(context))
          },
        },
      }
    },
  })
}

function groupHandlers<C extends Pick<Context, 'group'>>(
  means: KindMeans,
  identity: Identity,
  on: (message: Message, context: C) => Promise<void> | undefined,
) {
  return {
    message: on,
    end: (_args: unknown, context: C) => means.groupEnded(identity, argsOf(context)!),
  }
}

function argsOf({ group }: Pick<Context, 'group'>): GroupArgs | undefined {
  return group?.args as GroupArgs | undefined
}

function identityOf(config: Readonly<Record<string, unknown>>): Identity {
  return config['identity'] as Identity
}

export const kindFacts: Readonly<Record<string, KindFacts>> = {
  source: facts('source', [], ['out']),
  pass: facts('component', ['in'], ['out']),
  relay: facts('component', ['in'], ['out']),
  sink: facts('component', ['in'], []),
  keyed: { ...facts('component', ['in'], []), keyedState: true },
}

function facts(role: KindFacts['role'], inputs: string[], outputs: string[]): KindFacts {
  return { role, inputs, outputs, keyedState: false, instanceState: false, rewinds: false, inMain: false }
}
