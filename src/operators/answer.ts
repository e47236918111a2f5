import { builtInKind, defineComponent, port } from '../component/index.ts'
import { configObject } from '../component/built-in-config.ts'

/**
 * Kind `answer`: the end of a network that is asked. Its metric `unasked` counts messages that came of no request, or of one that its source
 * wants no answers to.
 */
export const answerKind = builtInKind(
  'answer',
  defineComponent({
    description: 'Answers the request that a message was derived from, with the message.',
    inputs: { in: port() },
    config: configObject({}),
    setup({ metrics }) {
      const unasked = metrics.counter('unasked')
      return {
        on: {
          in(message, { answer }) {
            if (!answer(message)) unasked.add()
          },
        },
      }
    },
  }),
)
