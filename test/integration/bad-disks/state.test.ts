import { test } from 'node:test'
import assert from 'node:assert/strict'
import { eventually } from '../../support/eventually.ts'
import { BreakingDisk, fillDisk, noBreakingDisk, noSmallDisk, SmallDisk } from '../../support/small-disk.ts'
import { Place, tally } from './place.ts'

/** Keyed state on the disk, where that is full or cannot be written any more while the network runs. */

const files = tally({ rate: 1_000, bytes: 1_000, says: 'state: { backend: lmdb }\n' })

async function untilHeld(place: Place): Promise<void> {
  await eventually('snapshots fail by name, and then the network holds', async () => {
    place.assertLives()
    const { snapshots, state, failures } = await place.client.status('tally')
    const failed = failures.find(({ component }) => component === 'count')
    if (state !== 'holding' || failed === undefined) return false
    assert.equal(failed.error.code, 'STATE_DISK_FAILED')
    assert.equal(snapshots?.failing?.code, 'STATE_DISK_FAILED')
    return true
  })
}

async function untilItGoesOn(place: Place): Promise<void> {
  await place.publishesOn()
  await eventually('snapshots go on', async () => {
    const { snapshots, state } = await place.client.status('tally')
    return state === 'running' && snapshots?.failing === undefined
  })
  place.assertLives()
  place.checkPublished()
}

test(
  'a full disk ends no node, is told by name, and with room again all goes on',
  { skip: noSmallDisk },
  async (t) => {
    const disk = new SmallDisk(t)
    disk.remount('size=16m')
    const place = await Place.start(t, { files, env: { TMPDIR: disk.folder } })
    await place.deploy()
    await place.publishesOn()
    const empty = fillDisk(disk.folder)
    await untilHeld(place)
    const { stdout } = await place.ask('status', 'tally')
    assert.match(
      stdout,
      /STATE_DISK_FAILED: The state of count\[0\] cannot be kept in .*: there is no room left/,
    )
    assert.match(stdout, /make room in the folder for temporary files/)
    empty()
    disk.remount('size=64m')
    await untilItGoesOn(place)
  },
)

test(
  'a disk that has become read-only does the same; with another one in its place all goes on',
  { skip: noBreakingDisk },
  async (t) => {
    const disk = new BreakingDisk(t)
    const place = await Place.start(t, { files, env: { TMPDIR: disk.folder } })
    await place.deploy()
    await place.publishesOn()
    disk.break()
    await untilHeld(place)
    assert.match((await place.ask('status', 'tally')).stdout, /STATE_DISK_FAILED: .*read-only file system/i)
    disk.replace()
    await untilItGoesOn(place)
  },
)
