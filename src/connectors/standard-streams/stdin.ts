import { fstatSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { type PollResult, builtInKind, defineSource, port } from '../../component/index.ts'
import { configObject } from '../../component/built-in-config.ts'
import { StreamChunkReader } from '../file/chunk-reader.ts'
import { type FileUse, fileError, fileFault } from '../file/errors.ts'
import { LineStream, Waiting } from '../file/line-stream.ts'
import { lineFields } from '../file/lines.ts'

/** What of the process's standard input is used, so that a test can give another stream. */
export type InputStream = Readable & { readonly unref?: () => unknown }

/** Makes the kind `stdin` for a stream, which is not touched before the component is set up. */
export function stdinFrom(open: (use: FileUse) => InputStream) {
  return defineSource({
    description: 'Lines of the standard input of the process.',
    placement: 'main',
    outputs: { out: port<string>() },
    config: configObject(lineFields),
    setup({ component, instance, config, signal }) {
      // One stream, one reader: further instances would tear lines out of each other's order.
      if (instance > 0) return { poll: (): PollResult => 'done' }
      const { encoding, skipEmpty, maxLineBytes } = config
      const use: FileUse = { path: 'standard input', component, for: 'reading' }
      const stream = open(use)
      const waiting = new Waiting()
      const lines = new LineStream({
        source: new StreamChunkReader(stream),
        splitter: {
          encoding,
          skipEmpty,
          maxLineBytes,
          tooLong: (line) =>
            fileFault('LINE_TOO_LONG', use, `has a line ${line} of more than ${maxLineBytes} bytes`, {
              line,
            }),
        },
        wake: waiting.wake,
        explain: (error) => fileError(error, use),
      })
      const close = async (): Promise<void> => {
        await lines.close()
        stream.pause()
        // An open terminal or pipe would keep the process alive.
        stream.unref?.()
        waiting.wake()
      }
      signal.addEventListener('abort', () => void close(), { once: true })
      return {
        poll(max, { emit }): PollResult | Promise<PollResult> {
          const sent = lines.take(max, emit.out)
          if (lines.done) return 'done'
          return sent > 0 ? 'more' : waiting.wait()
        },
        close,
      }
    },
  })
}

/**
 * Source `stdin`: the lines of the standard input, without their line ends. Runs in the thread of the caller; with
 * several instances, the first one reads everything.
 *
 * Errors: `FILE_UNREADABLE`, `FILE_IS_DIRECTORY`, `LINE_TOO_LONG`.
 */
export const stdin = builtInKind(
  'stdin',
  stdinFrom((use) => {
    // Node gives an empty stream for a directory (`< folder`), which would pass for an empty input.
    if (fstatSync(0).isDirectory()) throw fileFault('FILE_IS_DIRECTORY', use, 'is a directory, not a file')
    return process.stdin
  }),
)
