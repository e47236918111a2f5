import { VertigoError } from '../../../base/errors.ts'
import type { LeaseId } from '../../../store/store.ts'
import type { Command } from '../../command.ts'
import { visible } from '../../store/entry-text.ts'
import { storeOption, withExistingStore } from '../../store/open.ts'
import { columns } from '../../table.ts'

export const leaseCommand: Command = {
  spec: {
    name: 'store lease',
    arguments: [],
    about: [
      'Lists the leases, each with its time to live, what is left of it, and its keys.',
      'With --revoke, ends one: its keys go at once, and whoever holds it finds it lost.',
    ],
    options: {
      revoke: { value: '<id>', about: 'End this lease.' },
      json: { about: 'One JSON object a line: lease, ttlMs, remainingMs, keys.' },
      ...storeOption,
    },
    examples: [['vertigo store lease --store lmdb:./store', 'See who is alive.']],
  },
  run: (given) =>
    withExistingStore(given, async (store, call) => {
      const leases = await store.leases(call)
      const revoke = given.text('revoke') as LeaseId | undefined
      if (revoke !== undefined) {
        if (!leases.some(({ lease }) => lease === revoke))
          throw new VertigoError('STORE_LEASE_LOST', `There is no lease ${revoke}.`)
        await store.revoke(revoke, call)
        return 0
      }
      if (given.flag('json')) {
        for (const lease of leases) process.stdout.write(`${JSON.stringify(lease)}\n`)
        return 0
      }
      const rows = leases.map(({ lease, ttlMs, remainingMs, keys }) => [
        lease,
        seconds(ttlMs),
        seconds(remainingMs),
        keys.map(visible).join(' ') || '-',
      ])
      if (rows.length > 0) process.stdout.write(columns([['LEASE', 'TTL', 'LEFT', 'KEYS'], ...rows]))
      return 0
    }),
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
