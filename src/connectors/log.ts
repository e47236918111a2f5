import * as v from 'valibot'
import { builtInKind, defineComponent, port } from '../component/index.ts'
import { configObject, oneOf, text } from '../component/built-in-config.ts'
import { plainText } from './json-text.ts'

/** Sink `log`: writes each message to the log of the run: texts as they are, anything else as JSON. */
export const log = builtInKind(
  'log',
  defineComponent({
    description: 'Writes each message to the log of the run.',
    inputs: { in: port() },
    config: configObject({
      /** Default `info`. */
      level: v.optional(oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace'), 'info'),
      /** Put before each message. */
      label: v.optional(text()),
    }),
    setup({ config, log: logger }) {
      const { level, label } = config
      const prefix = label === undefined ? '' : `${label}: `
      return { on: { in: (message) => logger[level](prefix + plainText(message)) } }
    },
  }),
)
