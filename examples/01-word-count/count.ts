import { defineComponent, port, value } from 'vertigo-flow'

export interface WordCount {
  readonly word: string
  readonly count: number
}

/** Counts equal words; sends the totals when all words have come. */
export default defineComponent({
  inputs: { word: port<string>() },
  outputs: { total: port<WordCount>() },
  state: { seen: value(0) },
  on: {
    word(_word, { state }) {
      state.seen.update((n) => n + 1)
    },
  },
  drain({ keys, emit }) {
    for (const { key, state } of keys()) emit.total({ word: String(key), count: state.seen.get() })
  },
})
