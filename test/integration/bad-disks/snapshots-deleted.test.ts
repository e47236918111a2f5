import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { project } from '../../e2e/support.ts'
import { eventually } from '../../support/eventually.ts'
import { takeAway } from '../../support/take-away.ts'
import { Place, tally } from './place.ts'

/** The folder of the snapshots is deleted while the network runs: what runs is saved whole, and can be gone back to. */

async function deletedAnd(
  t: TestContext,
  says: string,
  lose: (folder: string) => void,
): Promise<{ readonly place: Place; readonly folder: string }> {
  const folder = join(project(t, {}), 'snapshots')
  // Large enough that no file is in a manifest.
  const files = tally({ bytes: 3_000, rate: 100, says })
  const place = await Place.start(t, { files, snapshots: pathToFileURL(folder).href })
  await place.deploy()
  await place.publishesOn()
  lose(folder)
  await place.node.until(/the snapshots of "tally": The files .* are gone.*The next snapshot is taken whole/)
  await place.publishesOn()
  return { place, folder }
}

async function failAndGoOn(place: Place): Promise<void> {
  place.node.child.kill('SIGKILL')
  await place.node.ended()
  await place.begin()
  await place.publishesOn()
  place.checkPublished()
  const { stdout } = await place.ask('status', 'tally')
  assert.match(stdout, /tally: running/)
}

test('all of it: the next snapshot is whole, and after the end of the node all goes on from it, once', async (t) => {
  const { place, folder } = await deletedAnd(t, '', takeAway)
  // Of before the loss as well: what follows stands on the whole one.
  const { stdout } = await place.ask('state', 'get', 'tally', 'count', '3')
  assert.match(stdout, /seen/)
  assert.deepEqual(readdirSync(folder).toSorted(), ['.incoming', 'tally'])
  await failAndGoOn(place)
})

test('the part of one network, with its state on the disk: the same', async (t) => {
  const { place } = await deletedAnd(t, 'state: { backend: lmdb }\n', (at) => takeAway(join(at, 'tally')))
  await failAndGoOn(place)
})

test('an empty folder in its place: the same', async (t) => {
  const { place, folder } = await deletedAnd(t, '', (at) => {
    renameSync(at, `${at}-before`)
    mkdirSync(at)
  })
  await eventually('it has a whole snapshot', async () => {
    const [newest] = (await place.client.snapshots('tally')).snapshots
    return newest !== undefined && readdirSync(join(folder, 'tally')).includes('owner')
  })
  await failAndGoOn(place)
})
