import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type JournalOptions, openJournal } from '../../../src/journal/open.ts'
import type { Journal } from '../../../src/journal/journal.ts'

/** In memory, where that is there: these tests make and sync thousands of files. */
export const testsFolder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

export function makeFolder(t: TestContext): string {
  const parent = mkdtempSync(join(testsFolder, 'vertigo-journal-'))
  t.after(() => rmSync(parent, { recursive: true, force: true }))
  return join(parent, 'journal')
}

export async function openFor(
  t: TestContext,
  folder: string,
  options: Partial<JournalOptions> = {},
): Promise<Journal> {
  const journal = await openJournal({ folder, generation: 1, ...options })
  t.after(() => journal.close())
  return journal
}

export const bytes = (text: string): Uint8Array => Buffer.from(text)

/** The records from a position to the end of what is there now, as texts. */
export async function recordsOf(journal: Journal, from = journal.start): Promise<string[]> {
  const texts: string[] = []
  const { end } = journal
  if (from === end) return texts
  let position = from
  for await (const batch of journal.read(from)) {
    if (batch.position !== position)
      throw new Error(`position ${batch.position} came in place of ${position}`)
    texts.push(...batch.records.map((record) => Buffer.from(record).toString()))
    position += batch.records.length
    if (position >= end) return texts
  }
  throw new Error(`the journal ended at position ${position}, in front of ${end}`)
}

export async function appendAll(journal: Journal, texts: readonly string[]): Promise<number[]> {
  return Promise.all(texts.map((text) => journal.append(bytes(text))))
}

/** `from` to `to`, without `to`, as texts. */
export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `record ${from + index}`)
}
