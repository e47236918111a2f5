import { type Kind, type Port, defineSource, port } from 'vertigo-flow'
import { onGo } from './rounds.ts'

/** A source in a worker thread that sends a round's messages whenever `Rounds` says so. */
export function roundSource<T>(
  name: string,
  make: (index: number) => T,
): Kind<{}, { readonly out: Port<T> }> {
  return defineSource({
    outputs: { out: port<T>() },
    setup({ signal }) {
      let next = 0
      let end = 0
      let wake: ((result: 'more') => void) | undefined
      const channel = onGo(name, (count) => {
        next = 0
        end = count
        wake?.('more')
      })
      signal.addEventListener('abort', () => channel.close(), { once: true })
      return {
        poll(max, { emit }) {
          if (next === end) {
            return new Promise((resolve) => {
              wake = resolve
            })
          }
          const until = Math.min(end, next + max)
          for (; next < until; next++) emit.out(make(next))
          return 'more'
        },
      }
    },
  })
}
