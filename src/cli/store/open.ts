import { stat } from 'node:fs/promises'
import { systemClock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Store } from '../../store/store.ts'
import { parseStoreUrl } from '../../store/url.ts'
import { type Arguments, usage } from '../arguments.ts'
import type { OptionSpec } from '../command-spec.ts'

/** What every command of the group takes. */
export const storeOption: Readonly<Record<'store' | 'timeout', OptionSpec>> = {
  store: { value: '<url>', about: 'The store. Default: the variable VERTIGO_STORE.' },
  timeout: { value: '<s>', about: 'How long a call may take, in seconds. Default 5.' },
}

/**
 * Opens the store that was named, does something with it, and closes it whatever happens. `mayMake`: a store that is not
 * there yet is made.
 */
export async function withStore<T>(
  given: Arguments,
  action: (store: Store, call: { readonly timeoutMs: number }) => Promise<T>,
  options: { readonly mayMake: boolean } = { mayMake: false },
): Promise<T> {
  const url = given.text('store') ?? process.env['VERTIGO_STORE']
  if (url === undefined || url === '') throw notNamed(given)
  if (!options.mayMake) await checkPlace(url)
  const timeoutMs = (given.positiveNumber('timeout') ?? 5) * 1000
  const { openStore } = await import('../../stores.ts')
  const store = await openStore(url, systemClock)
  try {
    return await action(store, { timeoutMs })
  } finally {
    await store.close()
  }
}

function notNamed(given: Arguments): VertigoError {
  const url = given.positionals.find((text) => /^(lmdb|etcds?):/.test(text))
  return usage(
    'No store was named.',
    url === undefined
      ? 'Add --store <url>, or set VERTIGO_STORE: `lmdb:./folder`, `etcd://host:2379`.'
      : 'Write --store in front of the address.',
  )
}

/** Opening an embedded store makes it; whoever looks into one with a misspelt path would see an empty one. */
async function checkPlace(url: string): Promise<void> {
  if (url === 'memory:') return
  const address = parseStoreUrl(url)
  if (address.type !== 'lmdb') return
  try {
    await stat(address.folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return
    throw new VertigoError(
      'FILE_NOT_FOUND',
      `There is no store in ${address.folder}: there is no such folder.`,
      {
        cause: error,
        place: { file: address.folder },
        remedy: 'Check the path; it counts from the folder in which the command runs.',
      },
    )
  }
}
