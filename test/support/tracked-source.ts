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
