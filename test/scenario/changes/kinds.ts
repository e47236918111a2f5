import type { Random } from '../../../src/base/random.ts'
import { defineComponent, defineSource, type OutputGroup, port } from '../../../src/component/index.ts'

/** What travels: who sent it, as which of its messages, in which of its groups (0 for none). */
export interface Stamped {
  readonly from: number
  readonly n: number
  readonly group: number
}

/** One life of an instance, as its code sees it. */
export interface Life {
  readonly life: number
  readonly component: string
  readonly instance: number
  readonly worker: number
  sent: number
}

export interface Received extends Stamped {
  readonly at: number
}

/** Everything that the kinds have seen. */
export class Trace {
  readonly lives: Life[] = []
  received: Received[] = []

  begin(component: string, instance: number, worker: number): Life {
    const life = { life: this.lives.length + 1, component, instance, worker, sent: 0 }
    this.lives.push(life)
    return life
  }
}

/** What a kind needs of the worker that it runs in. */
export interface Stand {
  readonly worker: number
  readonly trace: Trace
  readonly chance: Random
  /** Throws where the worker must not call anything. */
  readonly called: () => void
}

interface Waits {
  after(delayMs: number, action: () => void): unknown
}

const passed = (clock: Waits, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(ms, resolve)
  })

/** Sends numbered messages, some in groups and batches that stay open for a while. */
export function sourceKind({ worker, trace, chance, called }: Stand) {
  return defineSource({
    outputs: { out: port<Stamped>() },
    setup: ({ component, instance, clock }) => {
      const me = trace.begin(component, instance, worker)
      let group: { readonly open: OutputGroup<Stamped>; readonly id: number } | undefined
      let batch: { end(): void } | undefined
      let groups = 0
      let isEnding = false
      const next = (id: number): Stamped => ({ from: me.life, n: ++me.sent, group: id })
      return {
        async poll(_max, { emit }) {
          called()
          await passed(clock, 1 + chance.int(4))
          for (let i = chance.int(4); i > 0; i--) {
            if (group !== undefined && chance.int(4) > 0) group.open.send(next(group.id))
            else emit.out(next(0))
          }
          const what = isEnding ? 0 : chance.int(12)
          if (what < 4) {
            group?.open.end()
            group = undefined
          } else if (what === 4 && group === undefined) {
            const id = me.life * 100_000 + ++groups
            group = { id, open: emit.out.group('g', id) }
          }
          if (what < 4 || what === 5) {
            batch?.end()
            batch = undefined
          } else if (what === 6) batch ??= emit.out.batch()
          return isEnding ? 'done' : 'more'
        },
        drain() {
          isEnding = true
        },
      }
    },
  })
}

/** Sends a message of its own for each that it gets; some take their time. */
export function relayKind({ worker, trace, chance, called }: Stand) {
  return defineComponent({
    inputs: { in: port<Stamped>() },
    outputs: { out: port<Stamped>() },
    setup: ({ component, instance, clock }) => {
      const me = trace.begin(component, instance, worker)
      const isSlow = chance.int(3) === 0
      type Context = { readonly emit: { out(message: Stamped): void } }
      const handle = async (message: Stamped, { emit }: Context): Promise<void> => {
        called()
        trace.received.push({ ...message, at: me.life })
        if (isSlow) await passed(clock, chance.int(3))
        emit.out({ from: me.life, n: ++me.sent, group: 0 })
      }
      const quick = (message: Stamped, { emit }: Context): void => {
        called()
        trace.received.push({ ...message, at: me.life })
        emit.out({ from: me.life, n: ++me.sent, group: 0 })
      }
      const message = isSlow ? handle : quick
      return { on: { in: message }, groups: { in: { '*': { message } } } }
    },
  })
}
