import * as v from 'valibot'
import { defineComponent, port, value } from 'vertigo-flow'
import type { Request } from './parse.ts'

export interface Tally {
  /** What is counted: the field of the requests. */
  readonly by: string
  readonly key: string
  readonly requests: number
  readonly bytes: number
}

/** Counts requests and their bytes for each value of the field that its connection hashes by. */
export default defineComponent({
  inputs: { request: port<Request>() },
  outputs: { tally: port<Tally>() },
  config: v.strictObject({ by: v.string() }),
  state: { requests: value(0), bytes: value(0) },
  on: {
    request({ bytes }, { state }) {
      state.requests.update((n) => n + 1)
      state.bytes.update((sum) => sum + bytes)
    },
  },
  drain(context) {
    const { by } = context.config
    for (const { key, state } of context.keys())
      context.emit.tally({ by, key: String(key), requests: state.requests.get(), bytes: state.bytes.get() })
  },
})
