import { configObject } from '../../component/built-in-config.ts'
import { builtInKind, defineComponent, port } from '../../component/index.ts'
import { clientPortsOf } from './line.ts'
import { OutputBuffer } from './output-buffer.ts'

/**
 * Sink `client-output`: what clients read from an exported output of a network in a cluster. It is put into the network when
 * that is deployed, nobody writes it. Its metric `unread` counts messages that came while nobody read.
 */
export const clientOutputKind = builtInKind(
  'client-output',
  defineComponent({
    description:
      'Gives its messages to clients that read an exported output. Put into deployed networks by itself.',
    inputs: { in: port() },
    config: configObject({}),
    setup(context) {
      const unread = context.metrics.counter('unread')
      const line = clientPortsOf(context).open(context.component, (command) => buffer.obey(command))
      const buffer = new OutputBuffer({ line, letGo: () => unread.add() })
      return {
        on: { in: (message) => buffer.put(message) },
        // What somebody reads is given before the instance ends.
        drain: () => buffer.drained(),
        close: () => line.close(),
      }
    },
  }),
)
