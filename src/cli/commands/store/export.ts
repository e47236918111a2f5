import { open, rename, rm } from 'node:fs/promises'
import { fileError } from '../../../connectors/file/errors.ts'
import { exportLines } from '../../store/export-file.ts'
import type { Command } from '../../command.ts'
import { writeOut } from '../../output.ts'
import { storeOption, withExistingStore } from '../../store/open.ts'

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
      const { entries, revision } = await store.range('', call)
      const kept = entries.filter(({ lease }) => lease === undefined)
      const lines = exportLines(kept, revision)
      if (file === '-') await writeOut(lines)
      else {
        await writeWhole(file, lines)
        process.stderr.write(`${kept.length} keys at revision ${revision} are in ${file}.\n`)
      }
      return 0
    }),
}

/** Under another name until all of it is on the disk: half an export must not look like a whole one. */
async function writeWhole(file: string, lines: Iterable<string>): Promise<void> {
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
function* blocks(lines: Iterable<string>): Generator<string> {
  let block = ''
  for (const line of lines) {
    block += line
    if (block.length < blockCharacters) continue
    yield block
    block = ''
  }
  yield block
}
