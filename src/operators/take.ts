import { builtInKind, defineComponent, type Kind, port, type Port, value } from '../component/index.ts'
import { configObject, wholeNumber } from '../component/built-in-config.ts'

const takeConfig = configObject({
  /** How many messages each instance sends on. */
  count: wholeNumber(0),
})

/** Kind `take`: see `take()`. */
export const takeKind = builtInKind(
  'take',
  defineComponent({
    description: 'Sends on the first messages and drops all others.',
    inputs: { in: port() },
    outputs: { out: port() },
    state: { taken: value(0, { scope: 'instance' }) },
    config: takeConfig,
    on: {
      in(message, { emit, state, config }) {
        const taken = state.taken.get()
        if (taken >= config.count) return
        state.taken.set(taken + 1)
        emit.out(message)
      },
    },
  }),
)

/** Sends on the first `config.count` messages of each instance and drops all others. */
export function take<T>(): Kind<{ readonly in: Port<T> }, { readonly out: Port<T> }, typeof takeConfig> {
  return takeKind as unknown as Kind<{ readonly in: Port<T> }, { readonly out: Port<T> }, typeof takeConfig>
}
