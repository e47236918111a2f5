import { systemClock } from '../base/clock.ts'
import type { ErrorCode } from '../base/error-codes.ts'
import { VertigoError } from '../base/errors.ts'

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

type Output = 'stdout' | 'stderr'

let failure: VertigoError | undefined
let telling: Promise<unknown> = Promise.resolve()
let onFailure = (exitCode: number): void => process.exit(exitCode)
let isNetworks = false

/** What happens once our output can no longer be written, in place of ending at once. */
export function whenOutputCloses(action: () => void): void {
  onFailure = action
}

/** The standard output is written by a component in this process, which reports its errors itself. */
export function leaveStdoutToNetwork(): void {
  isNetworks = true
}

/**
 * The exit code that counts where our output could not be written, whatever else happened. Not kept in `process.exitCode`,
 * which belongs to components as well when they run in this process.
 */
export function outputExit(): number | undefined {
  return failure?.exitCode
}

/** Writes to the standard output as fast as its reader takes it; what is left, where it was closed, is not written. */
export async function writeOut(texts: Iterable<string>): Promise<void> {
  const { stdout } = process
  for (const text of texts) {
    if (stdout.destroyed || stdout.errored !== null) return
    if (!stdout.write(text)) await takesMore(stdout)
  }
}

function takesMore(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    const events = ['drain', 'close', 'error'] as const
    const done = (): void => {
      for (const event of events) stream.off(event, done)
      resolve()
    }
    for (const event of events) stream.on(event, done)
  })
}

/** Fulfilled when all that was written has been taken, or what became of it has been told. */
export async function outputWritten(): Promise<void> {
  const taken = [process.stdout, process.stderr].map(
    (stream) =>
      new Promise<void>((resolve) => {
        // Nothing may wait, and writing nothing to a full disk would be an error.
        if (stream.writableLength > 0) stream.write('', () => resolve())
        else resolve()
      }),
  )
  await Promise.all(taken)
  // An error is told a little after its write.
  await new Promise<void>((resolve) => {
    systemClock.soon(resolve)
  })
  await telling
}

/**
 * `vertigo kinds | head -1`: whoever closes our output has seen enough. The process ends without words, by the exit code of
 * OUTPUT_CLOSED. Any other error of the output, such as a full disk, is told.
 */
export function watchOutput(tell: (error: VertigoError) => Promise<unknown>): void {
  for (const name of ['stdout', 'stderr'] as const)
    process[name].on('error', (cause: Error) => {
      if (failure !== undefined || (isNetworks && name === 'stdout')) return
      failure = outputError(name, cause)
      const { exitCode } = failure
      const end = (): void => onFailure(exitCode)
      // Of an error of standard error nobody can be told.
      if (failure.code === 'OUTPUT_CLOSED' || name === 'stderr') end()
      else telling = tell(failure).then(end, end)
    })
}

function outputError(name: Output, cause: Error): VertigoError {
  const { code } = cause as { readonly code?: unknown }
  const what = name === 'stdout' ? 'The standard output' : 'The standard error'
  const error = (to: ErrorCode, problem: string): VertigoError =>
    new VertigoError(to, `${what} ${problem}.`, { cause })
  if (isClosedPipe(cause)) return error('OUTPUT_CLOSED', 'was closed by its reader')
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return error('DISK_FULL', 'cannot be written: there is no room left')
  return error('FILE_NOT_WRITABLE', `cannot be written: ${cause.message}`)
}
