import { defineComponent, port, value } from 'vertigo-flow'

/** Counts equal words, and says of each how often it has come by now. */
export default defineComponent({
  inputs: { word: port<string>() },
  outputs: { count: port<{ readonly word: string; readonly count: number }>() },
  state: { seen: value(0) },
  on: {
    word(word, { state, emit }) {
      emit.count({ word, count: state.seen.update((n) => n + 1) })
    },
  },
})
