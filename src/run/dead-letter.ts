import { createWriteStream, type WriteStream } from 'node:fs'
import { once } from 'node:events'
import { VertigoError } from '../base/errors.ts'
import type { RejectedMessage } from '../worker/host.ts'

/** Rejected messages that no `error` port took, one JSON object a line, appended. The file is made with the first one. */
export class DeadLetter {
  private readonly file: string
  private readonly onError: (error: VertigoError) => void
  private stream: WriteStream | undefined

  constructor(file: string, onError: (error: VertigoError) => void) {
    this.file = file
    this.onError = onError
  }

  /** The file, once there is something in it. */
  get written(): string | undefined {
    return this.stream === undefined ? undefined : this.file
  }

  write(record: RejectedMessage): void {
    if (this.stream === undefined) {
      this.stream = createWriteStream(this.file, { flags: 'a' })
      this.stream.on('error', (cause) => {
        this.onError(
          new VertigoError(
            'FILE_NOT_WRITABLE',
            `the dead-letter file ${this.file} cannot be written: ${cause.message}`,
            {
              cause,
              place: { file: this.file },
            },
          ),
        )
      })
    }
    this.stream.write(`${toLine(record)}\n`)
  }

  async close(): Promise<void> {
    const { stream } = this
    if (stream === undefined || stream.destroyed) return
    stream.end()
    await once(stream, 'close')
  }
}

/** JSON has no bigint, Map or Set; a rejected message that holds some is still worth its line. */
function toLine(record: RejectedMessage): string {
  return JSON.stringify(record, (_key, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`
    if (value instanceof Map) return [...(value as Map<unknown, unknown>)]
    if (value instanceof Set) return [...(value as Set<unknown>)]
    if (value instanceof Error) return { name: value.name, message: value.message }
    return value
  })
}
