import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { assertCode, project } from '../../e2e/support.ts'
import { openLmdbStore } from '../../../src/store/lmdb/open.ts'
import type { Store } from '../../../src/store/store.ts'
import { errorCode } from '../../support/error-code.ts'
import { eventually } from '../../support/eventually.ts'
import { BreakingDisk, fillDisk, noBreakingDisk, noSmallDisk, SmallDisk } from '../../support/small-disk.ts'
import { Place, tally } from './place.ts'

/** The embedded store on a disk that is full, or cannot be written any more, while a network runs and snapshots are to be committed. */

const files = tally({ intervalMs: 50 })

function options(t: Parameters<typeof project>[0], disk: string): ConstructorParameters<typeof Place>[1] {
  const snapshots = pathToFileURL(join(project(t, {}), 'snapshots')).href
  return { files, store: join(disk, 'store'), snapshots }
}

/** What the store has kept for itself would last for some seconds. */
async function useRest(store: Store): Promise<void> {
  for (const bytes of [50_000, 3_000]) {
    const value = Buffer.alloc(bytes)
    let code = 'no error'
    for (let n = 0; code === 'no error'; n++)
      code = await errorCode(store.transact({ then: [{ type: 'put', key: `rest/${bytes}/${n}`, value }] }))
    assert.equal(code, 'STORE_FULL')
  }
}

async function untilFailing(place: Place, code: string): Promise<void> {
  await eventually('commits fail by name', async () => {
    place.assertLives()
    const { failing } = (await place.client.status('tally')).snapshots ?? {}
    assert.equal(failing?.code ?? code, code)
    return failing !== undefined && failing.times > 3
  })
}

test(
  'a full disk: the network runs on without commits, nothing is published, and with room all goes on; so it does where the node dies meanwhile',
  { skip: noSmallDisk },
  async (t) => {
    const disk = new SmallDisk(t)
    disk.remount('size=8m')
    const place = await Place.start(t, options(t, disk.folder))
    await place.deploy()
    await place.publishesOn()
    const store = await openLmdbStore({ folder: place.store })
    t.after(() => store.close())
    const empty = fillDisk(disk.folder)
    await useRest(store)
    await untilFailing(place, 'STORE_FULL')
    const published = await place.publishedAll()
    const shown = await place.ask('status', 'tally')
    assert.match(shown.stdout, /tally: running/)
    assert.match(
      shown.stdout,
      /STORE_FULL: There is no room for the store in .*\n {2}Free some room on its disk/,
    )
    const refused = await place.launch().ended()
    assertCode(refused, 4)
    assert.match(refused.stderr, /STORE_FULL: There is no room for the store/)
    assert.equal(place.checkPublished(), published)
    empty()
    await place.publishesOn()
    await eventually(
      'it is told no more',
      async () => (await place.client.status('tally')).snapshots?.failing === undefined,
    )

    const emptyAgain = fillDisk(disk.folder)
    await useRest(store)
    await untilFailing(place, 'STORE_FULL')
    const before = await place.publishedAll()
    place.node.child.kill('SIGKILL')
    await place.node.ended()
    assert.equal(place.checkPublished(), before)
    emptyAgain()
    await place.begin()
    await place.publishesOn()
    place.checkPublished()
  },
)

test(
  'a disk that has become read-only: the node gives up what it ran, by name, and goes on when it is started on the mended disk',
  { skip: noBreakingDisk },
  async (t) => {
    const disk = new BreakingDisk(t)
    const place = await Place.start(t, options(t, disk.folder))
    await place.deploy()
    await place.publishesOn()
    disk.break()
    await place.node.until(/joining the cluster again: .*read-only file system/i)
    const published = place.checkPublished()
    const status = await place.ask('status', 'tally')
    assertCode(status, 4)
    // LMDB says it with another first letter, where it was in the midst of a commit.
    assert.match(status.stderr, /STORE_PLACE_UNFIT: .*read-only file system.*\n.*make it writable again/i)
    place.assertLives()
    // It tries ten times a second, and tells it once in ten.
    const said = place.node.stdout + place.node.stderr
    const told = said.match(/joining the cluster again: /g) ?? []
    assert.ok(told.length <= 3, said)
    place.node.child.kill('SIGTERM')
    await place.node.ended()
    const refused = await place.launch().ended()
    assertCode(refused, 4)
    assert.match(refused.stderr, /STORE_PLACE_UNFIT: .*read-only file system.*\n.*make it writable again/)
    assert.equal(place.checkPublished(), published)
    disk.mend()
    await place.begin()
    await place.publishesOn()
    place.checkPublished()
  },
)
