import { type NetworkBuilder, defineComponent, defineSource, network, port } from 'vertigo-flow'
import { type Small, makeSmall } from '../lib/small-message.ts'

type Message = Small | Uint8Array

/** A small message takes the source some tenth of a microsecond; one of 1 MB, whose memory has to be fetched, more. */
const slow = { small: { everyMessages: 1000, waitMs: 10 }, large: { everyMessages: 1, waitMs: 4 } } as const

export const makeMessage = {
  small: makeSmall,
  /** Touched, so that it takes memory. */
  large: (index: number): Message => new Uint8Array(1_000_000).fill(index & 255),
} as const

/** The sink waits for a timer, so that whatever could pile up has all the time to. */
export function slowSink(kind: 'small' | 'large', count: number): NetworkBuilder {
  const { everyMessages, waitMs } = slow[kind]
  const make: (index: number) => Message = makeMessage[kind]
  const net = network('slow-sink')
  const source = defineSource({
    outputs: { out: port<Message>() },
    *read() {
      for (let i = 0; i < count; i++) yield make(i)
    },
  })
  const sink = defineComponent({
    inputs: { in: port<Message>() },
    setup() {
      let seen = 0
      return {
        on: {
          in() {
            seen++
            if (seen % everyMessages !== 0) return undefined
            return new Promise<void>((resolve) => {
              setTimeout(resolve, waitMs)
            })
          },
        },
      }
    },
  })
  net.connect(net.add('source', source).outputs.out, net.add('sink', sink).inputs.in)
  return net
}
