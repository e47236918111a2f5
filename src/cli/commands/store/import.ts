import { stat } from 'node:fs/promises'
import { systemClock } from '../../../base/clock.ts'
import { VertigoError } from '../../../base/errors.ts'
import { systemRandom } from '../../../base/random.ts'
import { checkTransaction } from '../../../store/check.ts'
import { put, removeRange } from '../../../store/operations.ts'
import type { CallOptions, Operation, Store } from '../../../store/store.ts'
import type { Arguments } from '../../arguments.ts'
import type { Command } from '../../command.ts'
import { type Exported, readExport } from '../../store/export-file.ts'
import { restoredEntry } from '../../store/new-incarnation.ts'
import { storeOption, withStore } from '../../store/open.ts'
import { textOf, withSpool } from '../../store/spool.ts'

/** Below these, a transaction is within the limits of every store. */
const operationsMax = 100
const bytesMax = 1_000_000
const component = 'store import'

export const importCommand: Command = {
  spec: {
    name: 'store import',
    arguments: ['<file>'],
    about: [
      'Fills an empty store from a file that `store export` has written; "-" means standard input. The file is checked as a whole before anything is written.',
      'A cluster in it begins a new incarnation: its nodes are started anew, and its networks go on from the last snapshots that the export knows. Where a sink has published more than that, its network is refused (SINK_AHEAD), and an operator decides.',
      'Nobody should use the store meanwhile: larger exports take several transactions. If it is interrupted, say it again with --replace.',
    ],
    options: {
      replace: { about: 'Delete everything that is in the store before.' },
      ...storeOption,
    },
    examples: [['vertigo store import backup.jsonl --store lmdb:./new-store', 'Restore a backup.']],
  },
  run: async (given) => {
    const file = given.positionals[0]!
    if (file !== '-' && !(await isStream(file))) return importFrom(given, () => textOf(file, component), file)
    return withSpool(component, async (spool) => {
      await spool.write(file === '-' ? process.stdin : textOf(file, component))
      return importFrom(given, () => spool.text(), file)
    })
  },
}

/** What gives its content once: a pipe that the shell has put in place of a file, above all. */
async function isStream(file: string): Promise<boolean> {
  // What is wrong with it, reading it tells.
  const there = await stat(file).catch(() => undefined)
  return there !== undefined && !there.isFile() && !there.isDirectory()
}

/** Reads all twice: it is known to be right before anything is written, and it is never in memory as a whole. */
async function importFrom(
  given: Arguments,
  text: () => AsyncIterable<string>,
  name: string,
): Promise<number> {
  const entries = (): AsyncIterable<Exported> => readExport(text(), name)
  let keys = 0
  for await (const entry of entries()) {
    checkFits(entry)
    keys++
  }
  return withStore(given, async (store, call) => {
    if (given.flag('replace'))
      await store.transact({ then: [removeRange('')] }, { ...call, repeat: 'harmless' })
    const { entries: present } = await store.range('', { ...call, limit: 1 })
    if (present.length > 0)
      throw new VertigoError('STORE_NOT_EMPTY', 'Nothing was imported: the store has keys already.')
    await fill(store, entries(), call)
    process.stderr.write(`${keys} keys were imported.\n`)
    return 0
  })
}

/** What no store takes must not be found out half-way. */
function checkFits({ key, value }: Exported): void {
  checkTransaction({ then: [put(key, value)] })
}

async function fill(store: Store, entries: AsyncIterable<Exported>, call: CallOptions): Promise<void> {
  let operations: Operation[] = []
  let bytes = 0
  const send = async (): Promise<void> => {
    if (operations.length === 0) return
    await store.transact({ then: operations }, { ...call, repeat: 'harmless' })
    operations = []
    bytes = 0
  }
  for await (const entry of entries) {
    const { key, value } = restoredEntry(entry, systemClock.now(), systemRandom)
    if (operations.length === operationsMax || bytes + value.byteLength > bytesMax) await send()
    operations.push(put(key, value))
    bytes += value.byteLength
  }
  await send()
}
