import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { within } from '../../support/eventually.ts'
import { MovedClock } from '../../support/store/moved-clock.ts'
import {
  batchesOf,
  heldTtlMs,
  isStopped,
  isThere,
  makeFolder,
  openStore,
  restMs,
  startChild,
  until,
} from './support.ts'

/** Processes whose monotonic clocks do not agree, as those of containers with a time namespace of their own. */

const seconds = 100_000
const shifted = (sign: '' | '-'): readonly string[] => [
  'unshare',
  '--time',
  `--monotonic=${sign}${sign === '' ? seconds : uptimeS() - 100}`,
  `--boottime=${sign}${sign === '' ? seconds : uptimeS() - 100}`,
]

/** A clock cannot be set back to before the start of the machine. */
function uptimeS(): number {
  return Math.floor(Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]))
}

function missing(): string | false {
  const { status } = spawnSync('unshare', ['--time', '--monotonic=1', 'true'], { stdio: 'ignore' })
  return status === 0 ? false : 'time namespaces want root, util-linux 2.36 and Linux 5.6'
}

describe('time namespaces', { skip: missing() }, () => {
  for (const [sign, how] of [
    ['', 'ahead'],
    ['-', 'behind'],
  ] as const)
    test(`a process whose clocks are far ${how} ends no lease of others, and its own ends in time`, async (t) => {
      const folder = makeFolder(t)
      const clock = new MovedClock()
      const store = await openStore(t, folder, { clock })
      const { lease } = await store.grant(2 * heldTtlMs)
      await store.transact({ then: [{ type: 'put', key: 'mine', value: Buffer.from('x'), lease }] })
      const watch = store.watch('held')
      const next = batchesOf(watch)
      await next()
      const child = startChild(t, 'hold-lease', folder, shifted(sign))
      const held = await within('its key comes', 20_000, next())
      assert.equal(held.events[0]!.type, 'put')
      await child.hear('held')
      const leases = await store.leases()
      assert.deepEqual(
        leases.map(({ ttlMs }) => ttlMs),
        [2 * heldTtlMs, heldTtlMs],
      )
      assert.ok(leases.every(({ remainingMs, ttlMs }) => remainingMs <= ttlMs))
      child.kill('SIGKILL')
      await child.exited
      clock.move(heldTtlMs - restMs)
      await isThere(store, 'held')
      clock.move(restMs)
      assert.equal((await within('its key goes', 20_000, next())).events[0]!.type, 'delete')
      assert.equal((await store.get('mine')).entry?.lease, lease)
    })

  test('a process that is stopped inside a transaction is known for what it is, and ended', async (t) => {
    const folder = makeFolder(t)
    const store = await openStore(t, folder, { stoppedPatienceMsMax: 300 })
    const child = startChild(t, 'stop-inside', folder, shifted(''))
    await until('the child stands still', () => isStopped(child))
    await store.transact({ then: [{ type: 'put', key: 'a', value: Buffer.from('x') }] })
    assert.equal(await child.exited, 'SIGKILL')
  })
})
