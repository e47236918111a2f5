import { VertigoError } from '../../../base/errors.ts'
import { remove, removeRange } from '../../../store/operations.ts'
import { usage } from '../../arguments.ts'
import type { Command } from '../../command.ts'
import { storeOption, withExistingStore } from '../../store/open.ts'

export const deleteCommand: Command = {
  spec: {
    name: 'store delete',
    arguments: ['<key>'],
    about: [
      'Deletes a key, and prints how many keys that were. It is an error where the key is not there (STORE_KEY_MISSING).',
    ],
    options: {
      prefix: { about: 'Delete every key that begins with it, in one transaction; none is no error.' },
      'all-keys': { about: 'With --prefix "": really every key of the store.' },
      ...storeOption,
    },
    examples: [['vertigo store delete --prefix old/ --store lmdb:./store', 'Delete what is below old/.']],
  },
  run: async (given) => {
    const key = given.positionals[0]!
    const byPrefix = given.flag('prefix')
    if (byPrefix && key === '' && !given.flag('all-keys'))
      throw usage('An empty prefix means every key of the store.', 'Add --all-keys if that is what you want.')
    return withExistingStore(given, async (store, call) => {
      const operation = byPrefix ? removeRange(key) : remove(key)
      const { results } = await store.transact({ then: [operation] }, { ...call, repeat: 'once' })
      const [result] = results
      const deleted = result !== undefined && 'deleted' in result ? result.deleted : 0
      if (deleted === 0 && !byPrefix)
        throw new VertigoError('STORE_KEY_MISSING', `There is no key "${key}" in the store.`)
      process.stdout.write(`${deleted}\n`)
      return 0
    })
  },
}
