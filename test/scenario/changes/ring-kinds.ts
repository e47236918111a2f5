import { defineComponent, defineSource, port } from '../../../src/component/index.ts'
import type { Stand } from './kinds.ts'

/** What goes round in a ring of components until it has made its hops, and goes to the sink then. */
export interface Going {
  readonly id: number
  readonly hops: number
  readonly left: number
}

/** What the kinds of one cluster have seen. */
export class RingTrace {
  /** Sent by the source, whoever got it. */
  sent = 0
  /** By message: how many hops it has made, and how often it has come to the sink. */
  readonly hops = new Map<number, number>()
  readonly arrived = new Map<number, number>()
}

const passed = (clock: { after(ms: number, action: () => void): unknown }, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(ms, resolve)
  })

/** `count`: how many messages the source has. */
export function ringKinds(
  trace: RingTrace,
  count: number,
): (stand: Stand) => Readonly<Record<string, unknown>> {
  return ({ chance, called }) => {
    const source = defineSource({
      outputs: { out: port<Going>() },
      setup: ({ clock }) => ({
        async poll(_max, { emit }) {
          called()
          await passed(clock, 1 + chance.int(4))
          for (let n = chance.int(3); n > 0 && trace.sent < count; n--) {
            const hops = 1 + chance.int(40)
            emit.out({ id: trace.sent++, hops, left: hops })
          }
          return trace.sent === count ? 'done' : 'more'
        },
      }),
    })
    const hop = defineComponent({
      inputs: { in: port<Going>(), back: port<Going>() },
      outputs: { on: port<Going>(), out: port<Going>() },
      setup: ({ clock }) => {
        const isSlow = chance.int(3) === 0
        type Context = { readonly emit: { on(message: Going): void; out(message: Going): void } }
        const handle = async (message: Going, { emit }: Context): Promise<void> => {
          called()
          trace.hops.set(message.id, (trace.hops.get(message.id) ?? 0) + 1)
          // Longer than the pause between two rounds of questions, now and then.
          if (isSlow) await passed(clock, chance.int(60) === 0 ? 70 : chance.int(3))
          const left = message.left - 1
          if (left > 0) emit.on({ ...message, left })
          else emit.out({ ...message, left })
        }
        return { on: { in: handle, back: handle } }
      },
    })
    const sink = defineComponent({
      inputs: { in: port<Going>() },
      on: {
        in: ({ id }) => {
          called()
          trace.arrived.set(id, (trace.arrived.get(id) ?? 0) + 1)
        },
      },
    })
    return { './s.ts': source, './a.ts': hop, './b.ts': hop, './c.ts': hop, './z.ts': sink }
  }
}
