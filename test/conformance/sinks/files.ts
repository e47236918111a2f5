import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileSink } from '../../../src/connectors/file/sink.ts'
import { takeAway } from '../../support/take-away.ts'
import type { SinkSubject } from './subjects.ts'
import type { Message } from './world.ts'

/** What a reader of the folder takes: files that are not hidden, in the order of their names; each line whole. */
async function readAll(folder: string): Promise<readonly Message[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.')).toSorted()
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return texts.flatMap((text) => {
    const lines = text.split('\n')
    // One that is being written is not whole yet.
    lines.pop()
    return lines.map((line) => JSON.parse(line) as Message)
  })
}

function fileSubject(name: string, options: { readonly parts: boolean }): SinkSubject {
  return {
    name,
    isBounded: true,
    async open() {
      const folder = await mkdtemp(join(tmpdir(), 'vertigo-sink-'))
      return {
        kind: fileSink,
        config: { path: join(folder, 'out.jsonl'), ...options },
        read: () => readAll(folder),
        // Who was killed has no time any more, but what it was writing it writes.
        close: () => Promise.resolve(takeAway(folder)),
      }
    },
  }
}

export const fileSubjects: readonly SinkSubject[] = [
  fileSubject('a file that grows', { parts: false }),
  fileSubject('a file for each snapshot', { parts: true }),
]
