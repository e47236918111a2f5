import { isVertigoError } from '../../../base/errors.ts'
import { openTarget } from '../../../connectors/file/target.ts'
import type { CallOptions, RangeResult, Store } from '../../../store/store.ts'
import { exportLines } from '../../store/export-file.ts'
import type { Command } from '../../command.ts'
import { writeOut } from '../../output.ts'
import { storeOption, withExistingStore } from '../../store/open.ts'
import { withSpool } from '../../store/spool.ts'

const attemptsMax = 3
const component = 'store export'

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
        await withSpool(component, async (spool) => {
          await whole(store, call, (lines) => spool.write(lines))
          for await (const text of spool.text()) await writeOut([text])
        })
        return 0
      }
      const { keys, revision } = await write(file, store, call)
      process.stderr.write(`${keys} keys at revision ${revision} are in ${file}.\n`)
      return 0
    }),
}

interface Written {
  readonly keys: number
  readonly revision: number
}

async function write(file: string, store: Store, call: CallOptions): Promise<Written> {
  const use = { path: file, component, for: 'writing' } as const
  const target = await openTarget(use, { alone: true })
  try {
    // What has gone into a pipe cannot be taken back, where it has to be read anew.
    const written = target.direct
      ? await withSpool(component, async (spool) => {
          const done = await whole(store, call, (lines) => spool.write(lines))
          for await (const text of spool.text()) await target.write(text)
          return done
        })
      : await whole(store, call, async (lines) => {
          await target.clear()
          for await (const block of lines) await target.write(block)
        })
    await target.complete()
    return written
  } catch (error) {
    await target.abandon(false)
    throw error
  }
}

/** A page at a time, so that a large store is not held in memory; anew where too much was changed meanwhile. */
async function whole(
  store: Store,
  call: CallOptions,
  put: (blocks: AsyncIterable<string>) => Promise<void>,
): Promise<Written> {
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
      await put(blocks(exportLines(pages())))
      return written
    } catch (error) {
      const isContended = isVertigoError(error) && error.code === 'STORE_CONTENDED'
      if (!isContended || attempt === attemptsMax) throw error
    }
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
