import { Buffer } from 'node:buffer'
import { buffer } from 'node:stream/consumers'
import { VertigoError } from '../../../base/errors.ts'
import { isMissing, put } from '../../../store/operations.ts'
import type { Compare, LeaseId, Store } from '../../../store/store.ts'
import { type Arguments, usage } from '../../arguments.ts'
import type { Command } from '../../command.ts'
import { storeOption, withStore } from '../../store/open.ts'

export const putCommand: Command = {
  spec: {
    name: 'store put',
    arguments: ['<key>', '<value>'],
    about: [
      'Sets a key and prints the revision of the change. The value "-" means what standard input holds.',
      'With a condition, nothing is written where it does not hold (STORE_CHANGED).',
    ],
    options: {
      'if-missing': { about: 'Only where the key is not there.' },
      'if-revision': { value: '<n>', about: 'Only where the key was last changed in this revision.' },
      lease: { value: '<id>', about: 'Let the key go with this lease.' },
      ...storeOption,
    },
    examples: [['vertigo store put greeting hello --store lmdb:./store', 'Set a key.']],
  },
  run: async (given) => {
    const compare = conditionsOf(given)
    const [key, text] = given.positionals as readonly [string, string]
    const value = text === '-' ? await buffer(process.stdin) : Buffer.from(text)
    return withStore(given, async (store, call) => {
      const lease = given.text('lease') as LeaseId | undefined
      const { succeeded, revision } = await store.transact(
        { compare, then: [put(key, value, lease)] },
        { ...call, repeat: 'once' },
      )
      if (!succeeded) throw await changed(store, key)
      process.stdout.write(`${revision}\n`)
      return 0
    })
  },
}

function conditionsOf(given: Arguments): readonly Compare[] {
  const key = given.positionals[0]!
  const revision = given.wholeNumber('if-revision', 1)
  if (!given.flag('if-missing'))
    return revision === undefined ? [] : [{ key, target: 'modRevision', is: '=', than: revision }]
  if (revision !== undefined) throw usage('--if-missing and --if-revision exclude each other.')
  return [isMissing(key)]
}

async function changed(store: Store, key: string): Promise<VertigoError> {
  const { entry } = await store.get(key)
  const now = entry === undefined ? 'is not there' : `was last changed in revision ${entry.modRevision}`
  return new VertigoError('STORE_CHANGED', `Nothing was written: the key "${key}" ${now}.`)
}
