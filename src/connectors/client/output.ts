import * as v from 'valibot'
import { type ClientPortCommand, readersMsDefault } from '../../component/client-port.ts'
import { configObject } from '../../component/built-in-config.ts'
import { builtInKind, defineComponent, port } from '../../component/index.ts'
import { CommittedOutput, type Untaken } from './committed-output.ts'
import { clientPortsOf } from './line.ts'
import { OutputBuffer } from './output-buffer.ts'

/**
 * Sink `client-output`: what clients read from an exported output of a network in a cluster. It is put into the network when
 * that is deployed, nobody writes it. Its metric `unread` counts messages that came while nobody read, `untaken` those that readers had not
 * taken when the network ended.
 */
export const clientOutputKind = builtInKind(
  'client-output',
  defineComponent({
    description:
      'Gives its messages to clients that read an exported output. Put into deployed networks by itself.',
    inputs: { in: port() },
    config: configObject({
      /** Readers get what is committed, unless they ask for more. Of networks that are exactly-once. */
      committed: v.optional(v.boolean()),
      /** How long the end of the network waits for them at most, in milliseconds. */
      readersMs: v.optional(v.pipe(v.number(), v.minValue(0))),
    }),
    setup(context) {
      const { clock, component, config, inputs, log, metrics, publishes } = context
      const unread = metrics.counter('unread')
      const ports = clientPortsOf(context)
      if (config.committed !== true || publishes === 'at-once') {
        const line = ports.open(component, (command) => buffer.obey(command))
        const buffer = new OutputBuffer({ line, letGo: () => unread.add() })
        return {
          on: { in: (message) => buffer.put(message) },
          // What somebody reads is given before the instance ends.
          drain: () => buffer.drained(),
          close: () => line.close(),
        }
      }
      const line = ports.open(component, (command) => obey(command), { isCommitted: true })
      const atOnce = new OutputBuffer({ line, letGo: () => undefined })
      const untaken = metrics.counter('untaken')
      const { readersMs = readersMsDefault } = config
      const output = new CommittedOutput({
        clock,
        line,
        readersMs,
        cutOff(what) {
          untaken.add(what.messages)
          log.warn(cutOffText(what, readersMs))
        },
        // It is not paused, but this wakes the instance.
        room: () => inputs.in.resume(),
        letGo: (count) => unread.add(count),
      })
      const obey = (command: ClientPortCommand): void => {
        atOnce.obey(command)
        output.obey(command)
      }
      return {
        on: {
          in(message) {
            const isTaken = output.put(message)
            if (!isTaken && !atOnce.isRead) unread.add()
            // A handler that waited would hold up the snapshot that others wait for.
            const room = atOnce.put(message)
            if (room === undefined) return
            output.hold(true)
            const release = (): void => output.hold(false)
            room.then(release, release)
          },
        },
        ready: () => output.start(),
        async drain() {
          output.end()
          await atOnce.drained()
        },
        close() {
          output.close()
          line.close()
        },
        sink: output,
      }
    },
  }),
)

function cutOffText({ readers, messages, hasAway }: Untaken, readersMs: number): string {
  const whose = readers === 1 ? 'one reader has' : `${readers} readers have`
  const there = readers > 0 ? [`${whose} not taken ${messages} messages`] : []
  const away = hasAway ? ['one that has just gone may lack some'] : []
  return `READER_CUT_OFF: The network ends, and waits ${readersMs} ms for readers: ${[...there, ...away].join(', and ')}.`
}
