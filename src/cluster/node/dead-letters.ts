import { Buffer } from 'node:buffer'
import { appendFile, open } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, pause } from '../../base/clock.ts'
import { asError, type VertigoError } from '../../base/errors.ts'
import { deadLetterError, deadLetterLine } from '../../run/dead-letter.ts'
import type { RejectedMessage } from '../../worker/host.ts'

export interface DeadLettersOptions {
  /** Where the files are. */
  readonly folder: string
  readonly node: string
  readonly clock: Clock
  /** A file cannot be written; it is tried again. */
  readonly troubled: (network: string, error: VertigoError) => void
  /** Records that are in no file when the node ends. */
  readonly lost: (network: string, count: number) => void
}

interface Waiting {
  readonly line: string
  readonly taken: () => void
}

const retryMs = 1_000
const newline = 10

/**
 * Rejected messages that no `error` port took, one JSON object a line, appended to a file for each network on this node:
 * `<network>.<node>.dead-letter.jsonl`, with names as in URLs. A file is made with its first record.
 *
 * - DL-1 A record counts as taken when it is in the file. Until then it is on its way, and of those there are few
 *   (`RecordWindow`): where a file cannot be written, components that reject are held, and nothing is lost in silence.
 * - DL-3 A snapshot is not committed before what was rejected before it is taken: no source would give it again. It comes to nothing where
 *   that takes long (`WorkerSnapshots`, DEAD_LETTERS_LATE).
 * - DL-2 A file that cannot be written is tried again, each second; a node that ends tries once more, and tells what is left.
 */
export class DeadLetters {
  private readonly options: DeadLettersOptions
  private readonly waiting = new Map<string, Waiting[]>()
  private readonly writing = new Map<string, Promise<void>>()
  private readonly begun = new Set<string>()
  private readonly ending = new AbortController()

  constructor(options: DeadLettersOptions) {
    this.options = options
  }

  fileOf(network: string): string {
    const { folder, node } = this.options
    return join(folder, `${fileName(network)}.${fileName(node)}.dead-letter.jsonl`)
  }

  write(network: string, record: RejectedMessage, taken: () => void): void {
    const waiting = this.waiting.get(network) ?? []
    this.waiting.set(network, waiting)
    waiting.push({ line: `${deadLetterLine(record)}\n`, taken })
    if (this.writing.has(network)) return
    const written: Promise<void> = this.writeAll(network).finally(() => this.writing.delete(network))
    this.writing.set(network, written)
  }

  /** From now on nobody is held because of a file. Its components may be waiting for that to close. */
  end(): void {
    this.ending.abort()
  }

  /** Fulfilled when all is written, or told to be lost. */
  async close(): Promise<void> {
    this.end()
    while (this.writing.size > 0) await Promise.all(this.writing.values())
  }

  /** Never rejects. */
  private async writeAll(network: string): Promise<void> {
    let isTorn = await this.isLeftTorn(network)
    for (;;) {
      const batch = this.waiting.get(network) ?? []
      this.waiting.delete(network)
      if (batch.length === 0) return
      isTorn = await this.writeBatch(network, batch, isTorn)
    }
  }

  /** Once for each file: a process that has died may have left it within a line. */
  private async isLeftTorn(network: string): Promise<boolean> {
    if (this.begun.has(network)) return false
    this.begun.add(network)
    try {
      return await endsWithinLine(this.fileOf(network))
    } catch {
      // There is none; or what is wrong with it is told by who writes to it.
      return false
    }
  }

  /** Whether the file may end within a line. */
  private async writeBatch(network: string, batch: readonly Waiting[], wasTorn: boolean): Promise<boolean> {
    const { clock, troubled, lost } = this.options
    const file = this.fileOf(network)
    const text = batch.map(({ line }) => line).join('')
    let isTorn = wasTorn
    for (;;) {
      try {
        await appendFile(file, isTorn ? `\n${text}` : text)
        isTorn = false
        break
      } catch (error) {
        isTorn = true
        troubled(network, deadLetterError(file, asError(error)))
        if (this.ending.signal.aborted) {
          lost(network, batch.length)
          break
        }
        await pause(clock, retryMs, this.ending.signal)
      }
    }
    for (const { taken } of batch) taken()
    return isTorn
  }
}

/** A name of anything as a part of one file's name; a leading dot would hide the file. */
function fileName(name: string): string {
  return encodeURIComponent(name).replace(/^\./, '%2E')
}

async function endsWithinLine(path: string): Promise<boolean> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const { bytesRead, buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1))
    return bytesRead > 0 && buffer[0] !== newline
  } finally {
    await file.close()
  }
}
