import type { Writable } from 'node:stream'
import { VertigoError } from '../../base/errors.ts'
import { builtInKind, defineComponent, port } from '../../component/index.ts'
import { configObject } from '../../component/built-in-config.ts'
import { fileError } from '../file/errors.ts'
import { textFormat } from '../file/format.ts'
import { TextBuffer } from '../text-buffer.ts'

/** Makes the kind `stdout` for a stream, which is not touched before the component is set up. */
export function stdoutTo(open: () => Writable) {
  return defineComponent({
    description:
      'Writes each message to the standard output: texts as they are, anything else as a line of JSON.',
    placement: 'main',
    inputs: { in: port() },
    config: configObject({}),
    setup({ component, clock }) {
      const stream = open()
      // The errors are those of the writes; without a listener they would end the process.
      const onError = (): void => undefined
      stream.on('error', onError)
      const format = textFormat(component)
      const buffer = new TextBuffer({
        write: (text) => writeTo(stream, text, component),
        clock,
        flushDelayMs: 'soon',
      })
      return {
        on: { in: (message) => buffer.add(format(message)) },
        drain: () => buffer.finish(),
        close(): void {
          // Not awaited: after a failure, a reader that has stopped reading would hold up the end. A closed pipe may
          // be told after the write that noticed it.
          const forget = (): void => clock.soon(() => stream.off('error', onError))
          buffer.abandon().then(forget, forget)
        },
      }
    },
  })
}

/** Settles when the system has taken the text, so that a process that ends right after it loses nothing. */
function writeTo(stream: Writable, text: string, component: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error === null || error === undefined) resolve()
      else reject(explain(error, component))
    })
  })
}

const closedCodes = new Set(['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END', 'ECONNRESET'])

function explain(error: NodeJS.ErrnoException, component: string): VertigoError {
  if (closedCodes.has(error.code ?? '')) {
    const message = `${component}: the standard output was closed by its reader`
    return new VertigoError('OUTPUT_CLOSED', message, { cause: error, place: { component } })
  }
  return fileError(error, { path: 'standard output', component, for: 'writing' })
}

/**
 * Sink `stdout`: one line per message on the standard output. Runs in the thread of the caller. When the component has
 * drained, everything has been handed to the system.
 *
 * Errors: `OUTPUT_CLOSED` when the reader has gone (`| head`), `DISK_FULL`, `FILE_NOT_WRITABLE`.
 */
export const stdout = builtInKind(
  'stdout',
  stdoutTo(() => process.stdout),
)
