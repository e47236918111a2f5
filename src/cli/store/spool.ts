import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileError } from '../../connectors/file/errors.ts'

/** A file that nobody else can read, for as long as it is used: what goes through a pipe and is needed twice, or whole. */
export async function withSpool<T>(use: (file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'vertigo-store-'))
  try {
    return await use(join(folder, 'export.jsonl'))
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
