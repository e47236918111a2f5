import { errorCodes } from '../base/error-codes.ts'

/** Whether an error of a stream means that its reader has closed it, or is gone. */
export function isClosedPipe(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown }
  return code === 'EPIPE' || code === 'EIO' || code === 'ECONNRESET' || code === 'ERR_STREAM_DESTROYED'
}

/** Whether colors are wanted on a stream: https://no-color.org, and FORCE_COLOR as Node understands it. */
export function hasColors(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0'
  return stream.isTTY && TERM !== 'dumb'
}

let onClosed = (): void => process.exit()

/** What happens once the reader of our output has closed it, in place of ending at once. */
export function whenOutputCloses(action: () => void): void {
  onClosed = action
}

/**
 * `vertigo kinds | head -1`: whoever closes our output has seen enough. The process ends without words, by the exit code of
 * OUTPUT_CLOSED.
 */
export function watchOutput(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error) => {
      if (!isClosedPipe(error)) throw error
      process.exitCode = errorCodes.OUTPUT_CLOSED.exit
      onClosed()
    })
}
