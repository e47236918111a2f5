import { systemClock } from '../../base/clock.ts'
import type { VertigoError } from '../../base/errors.ts'
import type { Store } from '../../store/store.ts'
import { type Arguments, usage } from '../arguments.ts'
import type { OptionSpec } from '../command-spec.ts'

type Action<T> = (store: Store, call: { readonly timeoutMs: number }) => Promise<T>

/** What every command of the group takes. */
export const storeOption: Readonly<Record<'store' | 'timeout', OptionSpec>> = {
  store: { value: '<url>', about: 'The store. Default: the variable VERTIGO_STORE.' },
  timeout: {
    value: '<s>',
    about: 'How long opening the store may take, and each call, in seconds. Default 5.',
  },
}

/** For commands that only look: a mistyped address must not become a store. */
export function withExistingStore<T>(given: Arguments, action: Action<T>): Promise<T> {
  return withStore(given, action, { create: false })
}

/**
 * Opens the store that was named, does something with it, and closes it whatever happens. An embedded store is made only by
 * commands that fill one: for the others, a folder without a store is a slip of the pen, not an empty store.
 */
export async function withStore<T>(
  given: Arguments,
  action: Action<T>,
  options: { readonly create?: boolean } = {},
): Promise<T> {
  const url = given.text('store') ?? process.env['VERTIGO_STORE']
  if (url === undefined || url === '') throw notNamed(given)
  if (options.create === false && url === 'memory:')
    throw usage('`memory:` is a store that lives in one process; there is nothing to see.')
  const timeoutMs = (given.positiveNumber('timeout') ?? 5) * 1000
  const { openStore } = await import('../../stores.ts')
  const store = await openStore(url, systemClock, { ...options, timeoutMs })
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
