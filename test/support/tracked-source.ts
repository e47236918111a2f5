import { defineSource, port, type TrackedOptions, type TrackOptions } from '../../src/component/index.ts'

/** A source that tracks all that it sends, and keeps what it hears: each line is `outcome id`, with what failed. */
export function trackedSource<T>(
  messages: readonly T[],
  { track, ...options }: TrackedOptions & { readonly track?: TrackOptions } = {},
) {
  const heard: string[] = []
  const kind = defineSource({
    outputs: { out: port<T>() },
    ...(track !== undefined && { track }),
    setup() {
      let at = 0
      return {
        poll(max, { emit }) {
          for (let n = 0; n < max && at < messages.length; n++, at++)
            emit.out.tracked(messages[at]!, { id: at, ...options })
          return at === messages.length ? 'done' : 'more'
        },
        ack: (id) => void heard.push(`ack ${String(id)}`),
        fail: (id, { component, instance, port: at, message, error }) =>
          void heard.push(
            `fail ${String(id)}: ${component}[${instance}].${at} ${JSON.stringify(message)} ${error.message}`,
          ),
        timeout: (id) => void heard.push(`timeout ${String(id)}`),
        answer: (id, answer) => void heard.push(`answer ${String(id)}: ${JSON.stringify(answer)}`),
      }
    },
  })
  return { kind, heard }
}

/** A source that tracks all of its messages, and hears what becomes of them: `ack 7`. */
export function trackedItems<T extends { readonly v: number }>(
  items: () => Generator<T>,
  isAsync: boolean,
  heard: string[],
) {
  return defineSource({
    outputs: { out: port<T>() },
    track: { openMessagesMax: 16 },
    setup() {
      const all = items()
      return {
        async poll(max, { emit }) {
          for (let n = 0; n < max; n++) {
            if (isAsync) await Promise.resolve()
            const next = all.next()
            if (next.done) return 'done'
            emit.out.tracked(next.value, { id: next.value.v })
          }
          return 'more'
        },
        ack: (id) => void heard.push(`ack ${String(id)}`),
        fail: (id) => void heard.push(`fail ${String(id)}`),
        timeout: (id) => void heard.push(`timeout ${String(id)}`),
      }
    },
  })
}
