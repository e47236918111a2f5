import { createWriteStream, type WriteStream } from 'node:fs'
import { VertigoError } from '../base/errors.ts'
import { readableText } from '../base/readable.ts'
import type { RejectedMessage } from '../worker/host.ts'
import { plainJson } from './plain-json.ts'

/** Rejected messages that no `error` port took, one JSON object a line, appended. The file is made with the first one. */
export class DeadLetter {
  private readonly file: string
  private readonly onError: (error: VertigoError) => void
  private stream: WriteStream | undefined
  private isClosed = false

  constructor(file: string, onError: (error: VertigoError) => void) {
    this.file = file
    this.onError = onError
  }

  /** The file, once there is something in it. */
  get written(): string | undefined {
    return this.stream === undefined ? undefined : this.file
  }

  /** `taken` is called when it is written; until then it counts as on its way, so that few gather here. */
  write(record: RejectedMessage, taken: () => void): void {
    if (this.isClosed) return
    this.stream ??= this.open()
    this.stream.write(`${deadLetterLine(record)}\n`, (error) => {
      if (error === undefined || error === null) taken()
    })
  }

  /** Everything is written then, or `onError` has been called. */
  async close(): Promise<void> {
    this.isClosed = true
    const { stream } = this
    if (stream === undefined || stream.closed) return
    await new Promise<void>((resolve) => {
      stream.once('close', resolve)
      if (!stream.destroyed) stream.end()
    })
  }

  private open(): WriteStream {
    const stream = createWriteStream(this.file, { flags: 'a' })
    stream.on('error', (cause: NodeJS.ErrnoException) => this.onError(deadLetterError(this.file, cause)))
    return stream
  }
}

export function deadLetterError(file: string, cause: NodeJS.ErrnoException): VertigoError {
  const place = { file }
  if (cause.code === 'ENOSPC' || cause.code === 'EDQUOT') {
    const message = `there is no room left for the dead-letter file ${file}: ${cause.message}`
    return new VertigoError('DISK_FULL', message, { cause, place })
  }
  const message = `the dead-letter file ${file} cannot be written: ${cause.message}`
  return new VertigoError('FILE_NOT_WRITABLE', message, { cause, place })
}

/** A message that JSON cannot hold (it contains itself, its `toJSON` throws) is still worth its line: as text. */
export function deadLetterLine(record: RejectedMessage): string {
  try {
    return plainJson(record)!
  } catch {
    return plainJson({ ...record, message: readableText(record.message) })!
  }
}
