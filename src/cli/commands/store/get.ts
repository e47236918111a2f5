import { VertigoError } from '../../../base/errors.ts'
import type { Command } from '../../command.ts'
import { entryJson } from '../../store/entry-text.ts'
import { storeOption, withExistingStore } from '../../store/open.ts'

export const getCommand: Command = {
  spec: {
    name: 'store get',
    arguments: ['<key>'],
    about: [
      'Prints the value of a key, byte for byte, with a line end behind it. It is an error where the key is not there (STORE_KEY_MISSING).',
    ],
    options: {
      json: { about: 'Print the key with its value, revisions, version and lease, as JSON.' },
      ...storeOption,
    },
    examples: [['vertigo store get cluster/manager --store lmdb:./store', 'Who is the manager?']],
  },
  run: (given) =>
    withExistingStore(given, async (store, call) => {
      const key = given.positionals[0]!
      const { entry } = await store.get(key, call)
      if (entry === undefined)
        throw new VertigoError('STORE_KEY_MISSING', `There is no key "${key}" in the store.`)
      if (given.flag('json')) process.stdout.write(`${JSON.stringify(entryJson(entry))}\n`)
      else {
        process.stdout.write(entry.value)
        process.stdout.write('\n')
      }
      return 0
    }),
}
