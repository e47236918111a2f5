import { systemClock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Store } from '../../store/store.ts'
import { type Arguments, usage } from '../arguments.ts'
import type { OptionSpec } from '../command-spec.ts'

/** What every command of the group takes. */
export const storeOption: Readonly<Record<'store' | 'timeout', OptionSpec>> = {
  store: { value: '<url>', about: 'The store. Default: the variable VERTIGO_STORE.' },
  timeout: { value: '<s>', about: 'How long a call may take, in seconds. Default 5.' },
}

/**
 * Opens the store that was named, does something with it, and closes it whatever happens. An embedded store is made only by
 * commands that fill one: for the others, a folder without a store is a slip of the pen, not an empty store.
 */
export async function withStore<T>(
  given: Arguments,
  action: (store: Store, call: { readonly timeoutMs: number }) => Promise<T>,
  { makes = false }: { readonly makes?: boolean } = {},
): Promise<T> {
  const url = given.text('store') ?? process.env['VERTIGO_STORE']
  if (url === undefined || url === '') throw notNamed(given)
  const timeoutMs = (given.positiveNumber('timeout') ?? 5) * 1000
  const { openStore } = await import('../../stores.ts')
  if (!makes) await checkThere(url)
  const store = await openStore(url, systemClock, { timeoutMs })
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

async function checkThere(url: string): Promise<void> {
  // Of this one, nobody else could have made anything.
  if (url === 'memory:')
    throw usage('`memory:` is a store that lives in one process; there is nothing to see.')
  const { parseStoreUrl } = await import('../../store/url.ts')
  const address = parseStoreUrl(url)
  if (address.type !== 'lmdb') return
  const { holdsStore } = await import('../../store/lmdb/folder.ts')
  if (!holdsStore(address.folder))
    throw new VertigoError('STORE_FOREIGN', `There is no store of Vertigo in ${address.folder}.`)
}
