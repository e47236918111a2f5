import { createReadStream } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileError } from '../../connectors/file/errors.ts'

/** What goes through a pipe and is needed twice, or whole. */
export interface Spool {
  /** In place of what was written before. */
  write(chunks: AsyncIterable<string | Uint8Array>): Promise<void>
  /** All that was written, in pieces. */
  text(): AsyncGenerator<string, void, undefined>
}

/**
 * A file that nobody else can read, for as long as it is used. It has no name while there is something in it: whoever closes the
 * pipe, or ends the process, leaves no copy of a store behind.
 */
export async function withSpool<T>(component: string, use: (spool: Spool) => Promise<T>): Promise<T> {
  const path = tmpdir()
  const failed = (error: unknown, what: 'reading' | 'writing') =>
    fileError(error, { path, component, for: what })
  const file = await unnamedFile().catch((error: unknown) => {
    throw failed(error, 'writing')
  })
  try {
    return await use({
      async write(chunks) {
        try {
          await file.truncate(0)
          for await (const chunk of chunks) await file.appendFile(chunk)
        } catch (error) {
          throw failed(error, 'writing')
        }
      },
      async *text() {
        const stream = file.createReadStream({ start: 0, autoClose: false, encoding: 'utf8' })
        try {
          yield* stream as AsyncIterable<string>
        } catch (error) {
          throw failed(error, 'reading')
        }
      },
    })
  } finally {
    await file.close()
  }
}

async function unnamedFile() {
  const folder = await mkdtemp(join(tmpdir(), 'vertigo-spool-'))
  try {
    return await open(join(folder, 'spool'), 'ax+', 0o600)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The text of a file, in pieces. */
export async function* textOf(file: string, component: string): AsyncGenerator<string, void, undefined> {
  try {
    yield* createReadStream(file, 'utf8') as AsyncIterable<string>
  } catch (error) {
    throw fileError(error, { path: file, component, for: 'reading' })
  }
}
