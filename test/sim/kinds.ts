import { defineComponent, defineSource, type PollResult, port } from '../../src/component/index.ts'
import { type Clock, sleep } from '../../src/base/clock.ts'
import type { Random } from '../../src/base/random.ts'
import type { KindFacts } from '../../src/cluster/protocol/index.ts'

/** What travels: who sent it last, as the how manieth, and what it is keyed by. */
export interface Message {
  readonly from: number
  readonly seq: number
  readonly key: number
}

/** Of the simulation, in each configuration: which instance it is. */
export interface Identity {
  readonly network: string
  readonly id: number
  readonly component: string
  readonly index: number
}

export interface KindMeans {
  readonly clock: Clock
  readonly random: Random
  /** An instance is being set up; rejects where it is to fail. */
  begin(identity: Identity, config: Readonly<Record<string, unknown>>): Promise<void>
  /** It is about to emit: gives the number of the message. */
  emit(identity: Identity, key: number): number
  /** It handles a message; throws where it is to fail. */
  handle(identity: Identity, message: Message): void
  /** No source emits at the moment. */
  isQuiet(): boolean
}

const keys = 12
const burstMax = 4
const pauseMsMax = 120

export function kindsOf(means: KindMeans): Readonly<Record<string, unknown>> {
  const { clock, random } = means
  const source = defineSource({
    outputs: { out: port<Message>() },
    async setup({ config, signal }) {
      const identity = identityOf(config)
      await means.begin(identity, config)
      return {
        async poll(max, { emit }): Promise<PollResult> {
          await sleep(clock, random.next() * pauseMsMax, signal)
          if (means.isQuiet()) return 'more'
          for (let left = Math.min(max, 1 + random.int(burstMax)); left > 0; left--) {
            const key = random.int(keys)
            emit.out({ from: identity.id, seq: means.emit(identity, key), key })
          }
          return 'more'
        },
      }
    },
  })
  const pass = defineComponent({
    inputs: { in: port<Message>() },
    outputs: { out: port<Message>() },
    async setup({ config }) {
      const identity = identityOf(config)
      await means.begin(identity, config)
      return {
        on: {
          in(message, { emit }) {
            means.handle(identity, message)
            const { key } = message
            emit.out({ from: identity.id, seq: means.emit(identity, key), key })
          },
        },
      }
    },
  })
  const sink = defineComponent({
    inputs: { in: port<Message>() },
    async setup({ config }) {
      const identity = identityOf(config)
      await means.begin(identity, config)
      return {
        on: {
          in(message) {
            means.handle(identity, message)
          },
        },
      }
    },
  })
  return { source, pass, sink }
}

function identityOf(config: Readonly<Record<string, unknown>>): Identity {
  return config['identity'] as Identity
}

export const kindFacts: Readonly<Record<string, KindFacts>> = {
  source: facts('source', [], ['out']),
  pass: facts('component', ['in'], ['out']),
  sink: facts('component', ['in'], []),
}

function facts(role: KindFacts['role'], inputs: string[], outputs: string[]): KindFacts {
  return { role, inputs, outputs, keyedState: false, instanceState: false, rewinds: false, inMain: false }
}
