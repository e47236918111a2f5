import { defineComponent, port, value } from 'vertigo-flow'

export interface WordCount {
  readonly word: string
  readonly count: number
}

/** Counts equal words, and sends each with its total when all words have come. */
export default defineComponent({
  inputs: { word: port<string>() },
  outputs: { total: port<WordCount>() },
  // One for each word: the connection to `word` has the selector `hash`.
  state: { seen: value(0) },
  on: {
    word(_word, { state }) {
      state.seen.update((n) => n + 1)
    },
  },
  drain(context) {
    for (const { key, state } of context.keys())
      context.emit.total({ word: String(key), count: state.seen.get() })
  },
})
