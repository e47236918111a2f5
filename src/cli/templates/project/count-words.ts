import * as v from 'valibot'
import { defineComponent, port, value } from 'vertigo-flow'

/** Counts equal words; when all words have come, sends those that came at least `least` times. */
export default defineComponent({
  description: 'Counts equal words.',
  // Any Standard Schema (zod, arktype ...) will do.
  config: v.strictObject({ least: v.optional(v.number(), 1) }),
  inputs: { word: port<string>() },
  outputs: { count: port<{ word: string; count: number }>() },
  // One value for each word.
  state: { seen: value(0) },
  on: {
    word(_word, { state }) {
      state.seen.update((seen) => seen + 1)
    },
  },
  *drain(context) {
    for (const { key, state } of context.keys()) {
      const count = state.seen.get()
      if (count >= context.config.least) context.emit.count({ word: String(key), count })
      // Lets the engine wait where the next component is slower.
      yield
    }
  },
})
