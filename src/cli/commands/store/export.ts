import { open, rename, rm } from 'node:fs/promises'
import { isVertigoError } from '../../../base/errors.ts'
import { fileError } from '../../../connectors/file/errors.ts'
import type { CallOptions, RangeResult, Store } from '../../../store/store.ts'
import { exportLines } from '../../store/export-file.ts'
import type { Command } from '../../command.ts'
import { writeOut } from '../../output.ts'
import { storeOption, withExistingStore } from '../../store/open.ts'
import { textOf, withSpool } from '../../store/spool.ts'

const attemptsMax = 3

export const exportCommand: Command = {
  spec: {
    name: 'store export',
    arguments: ['<file>'],
    about: [
      'Writes all keys, as they are at one revision, into a file that `store import` reads. Keys under a lease are left out: they say what is alive, not what is kept. "-" means standard output.',
    ],
    options: { ...storeOption },
    examples: [['vertigo store export backup.jsonl --store lmdb:./store', 'Make a backup.']],
  },
  run: (given) =>
    withExistingStore(given, async (store, call) => {
      const file = given.positionals[0]!
      if (file === '-') {
        await withSpool(async (spool) => {
          await write(spool, store, call)
          for await (const text of textOf(spool, 'store export')) await writeOut([text])
        })
      } else {
        const { keys, revision } = await write(file, store, call)
        process.stderr.write(`${keys} keys at revision ${revision} are in ${file}.\n`)
      }
      return 0
    }),
}

interface Written {
  readonly keys: number
  readonly revision: number
}

/** A page at a time, so that a large store is not held in memory; anew where too much was changed meanwhile. */
async function write(file: string, store: Store, call: CallOptions): Promise<Written> {
  for (let attempt = 1; ; attempt++) {
    const written = { keys: 0, revision: 0 }
    async function* pages(): AsyncGenerator<RangeResult, void, undefined> {
      for await (const page of store.pages('', call)) {
        written.revision = page.revision
        written.keys += page.entries.filter(({ lease }) => lease === undefined).length
        yield page
      }
    }
    try {
      await writeWhole(file, exportLines(pages()))
      return written
    } catch (error) {
      const isContended = isVertigoError(error) && error.code === 'STORE_CONTENDED'
      if (!isContended || attempt === attemptsMax) throw error
    }
  }
}

/** Under another name until all of it is on the disk: half an export must not look like a whole one. */
async function writeWhole(file: string, lines: AsyncIterable<string>): Promise<void> {
  const partial = `${file}.partial`
  try {
    const handle = await open(partial, 'w')
    try {
      await handle.writeFile(blocks(lines))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(partial, file)
  } catch (error) {
    await rm(partial, { force: true })
    throw fileError(error, { path: file, component: 'store export', for: 'writing' })
  }
}

const blockCharacters = 65_536

/** Gathers lines, so that not each of them is a write of its own. */
async function* blocks(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let block = ''
  for await (const line of lines) {
    block += line
    if (block.length < blockCharacters) continue
    yield block
    block = ''
  }
  yield block
}
