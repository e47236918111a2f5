import { type Kind, type Port, defineComponent, port } from 'vertigo-flow'
import { RoundSink } from './rounds.ts'

/** A sink in a worker thread that tells `Rounds` when a round's last message has come, with the sum of `value`. */
export function roundSink<T>(
  name: string,
  value: (message: T) => number,
): Kind<{ readonly in: Port<T> }, {}> {
  return defineComponent({
    inputs: { in: port<T>() },
    setup() {
      const rounds = new RoundSink(name)
      return {
        on: {
          in(message) {
            rounds.see(value(message))
          },
        },
        close: () => rounds.close(),
      }
    },
  })
}
