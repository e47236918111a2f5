import { appendFileSync } from 'node:fs'
import * as v from 'valibot'
import { defineComponent, defineSource, port } from 'vertigo-flow'

/** What goes round in a cycle for a while. Who sends, passes on and gets writes that into a file. */

interface Going {
  readonly id: string
  readonly left: number
}

const file = v.object({ file: v.string() })

/** `count` messages, one each period, or without end. */
export const begins = defineSource({
  outputs: { out: port<Going>() },
  config: v.object({
    file: v.string(),
    count: v.optional(v.number()),
    hops: v.number(),
    periodMs: v.number(),
  }),
  setup: ({ config, clock, signal }) => {
    const { count = Infinity, hops, periodMs } = config
    const life = `${process.pid}-${clock.now()}`
    let sent = 0
    return {
      poll: (_max, { emit }) =>
        new Promise((resolve) => {
          clock.after(periodMs, () => {
            if (sent < count && !signal.aborted) {
              const id = `${life}-${sent++}`
              appendFileSync(config.file, `sent ${id}\n`)
              emit.out({ id, left: hops })
            }
            resolve(sent < count ? 'more' : 'done')
          })
        }),
    }
  },
})

/** Passes on what has hops left, and sends out what has none. */
export const hop = defineComponent({
  inputs: { in: port<Going>(), back: port<Going>() },
  outputs: { on: port<Going>(), out: port<Going>() },
  config: v.object({ file: v.string(), pauseMs: v.number() }),
  concurrency: 64,
  setup: ({ config, clock }) => {
    type Context = { readonly emit: { on(message: Going): void; out(message: Going): void } }
    const handle = async ({ id, left }: Going, { emit }: Context): Promise<void> => {
      appendFileSync(config.file, `hop ${id}\n`)
      await new Promise<void>((resolve) => {
        clock.after(config.pauseMs, resolve)
      })
      if (left > 1) emit.on({ id, left: left - 1 })
      else emit.out({ id, left: 0 })
    }
    return { on: { in: handle, back: handle } }
  },
})

export const ends = defineComponent({
  inputs: { in: port<Going>() },
  config: file,
  setup: ({ config }) => ({ on: { in: ({ id }) => appendFileSync(config.file, `got ${id}\n`) } }),
})
