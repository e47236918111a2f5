import type { Entry } from '../../../store/store.ts'
import type { Command } from '../../command.ts'
import { writeOut } from '../../output.ts'
import { entryJson, shownValue, visible } from '../../store/entry-text.ts'
import { columns } from '../../table.ts'
import { storeOption, withExistingStore } from '../../store/open.ts'

export const lsCommand: Command = {
  spec: {
    name: 'store ls',
    arguments: ['[prefix]'],
    about: ['Lists the keys that begin with a prefix, in their order; all where none is given.'],
    options: {
      values: { about: 'Show values too, cut to one line.' },
      limit: { value: '<n>', about: 'At most so many.' },
      json: { about: 'One JSON object a line, as of `store get --json`.' },
      ...storeOption,
    },
    examples: [['vertigo store ls cluster/ --values --store lmdb:./store', 'See what the cluster keeps.']],
  },
  run: (given) =>
    withExistingStore(given, async (store, call) => {
      const limit = given.wholeNumber('limit', 1)
      const { entries, more } = await store.range(given.positionals[0] ?? '', {
        ...call,
        ...(limit !== undefined && { limit }),
      })
      if (given.flag('json')) await writeOut(jsonLines(entries))
      else await writeOut([table(entries, given.flag('values'))])
      if (more) process.stderr.write(`There are more keys than these ${entries.length}.\n`)
      return 0
    }),
}

function* jsonLines(entries: readonly Entry[]): Generator<string> {
  for (const entry of entries) yield `${JSON.stringify(entryJson(entry))}\n`
}

const valueCharactersMax = 100

function table(entries: readonly Entry[], values: boolean): string {
  if (entries.length === 0) return ''
  const rows = entries.map(({ key, value, modRevision, version, lease }) => [
    visible(key),
    String(modRevision),
    String(version),
    lease ?? '-',
    values ? shownValue(value, valueCharactersMax) : String(value.byteLength),
  ])
  const headings = ['KEY', 'REVISION', 'VERSION', 'LEASE', values ? 'VALUE' : 'BYTES']
  return columns([headings, ...rows])
}
