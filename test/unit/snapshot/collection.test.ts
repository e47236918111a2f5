import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Random, seededRandom } from '../../../src/base/random.ts'
import {
  collectable,
  defaultMergePolicy,
  needsMerge,
  unfitReferences,
  withMerged,
} from '../../../src/snapshot/collection.ts'
import { manifestName, stateFileName } from '../../../src/snapshot/file-names.ts'
import { whole } from './support.ts'
import type { FileReference, SnapshotManifest } from '../../../src/snapshot/manifest.ts'

const owner = { network: 'words', incarnation: 1 }

let made = 0
function makeFile(until: number, kind: 'full' | 'increment', bytes = 100): FileReference {
  const number = ++made
  const name = stateFileName({
    ...owner,
    until,
    component: 'count',
    instance: 0,
    generation: 1,
    number,
    kind,
  })
  return { name, kind, bytes, checksum: number, until }
}

function makeManifest(
  id: number,
  predecessor: number | null,
  files: readonly FileReference[],
): SnapshotManifest {
  const instances = [
    { component: 'count', instance: 0, ...whole, keyGroups: [0, 255] as const, stateVersion: 1, files },
  ]
  return { ...owner, generation: 1, id, predecessor, instances }
}

test('CO-1: a snapshot refers to files of its committed predecessor, and to those that are spared until itself', () => {
  const first = makeManifest(3, null, [makeFile(3, 'full')])
  const [full] = first.instances[0]!.files
  const ofAborted = makeFile(4, 'increment')
  const own = makeFile(5, 'increment')
  const merged = makeFile(90, 'full')
  assert.deepEqual(unfitReferences(first, undefined), [])
  assert.deepEqual(unfitReferences(makeManifest(5, 3, [full!, own]), first), [])
  assert.deepEqual(unfitReferences(makeManifest(5, 3, [merged, own]), first), [])
  assert.deepEqual(unfitReferences(makeManifest(5, 3, [full!, ofAborted, own]), first), [ofAborted])
  const changed = { ...full!, checksum: 0 }
  assert.deepEqual(unfitReferences(makeManifest(5, 3, [changed, own]), first), [changed])
  assert.deepEqual(unfitReferences(makeManifest(5, null, [full!]), undefined), [full])
})

test('CO-2: spares what is kept, what is being written, and what nobody here has made', () => {
  const one = makeFile(1, 'full')
  const two = makeFile(2, 'increment')
  const aborted = makeFile(3, 'increment')
  const four = makeFile(4, 'full')
  const inFlight = makeFile(5, 'increment')
  const merging = makeFile(60, 'full')
  const kept = [makeManifest(2, 1, [one, two]), makeManifest(4, 2, [four])]
  const keptManifests = kept.map(({ id }) => manifestName(owner, id))
  const ofBefore = stateFileName({
    ...owner,
    incarnation: 0,
    until: 900,
    component: 'count',
    instance: 0,
    generation: 1,
    number: 1,
    kind: 'full',
  })
  const ofLater = ofBefore.replace('/000000000000/', '/000000000002/')
  const present = [
    ...[one, two, aborted, four, inFlight, merging].map(({ name }) => name),
    ...[1, 2, 4, 5].map((id) => manifestName(owner, id)),
    ofBefore,
    ofLater,
    'words/notes.txt',
  ]
  const facts = { incarnation: 1, lastCommitted: 4, kept, keptManifests, present }
  assert.deepEqual(collectable(facts), [aborted.name, manifestName(owner, 1), ofBefore])
  assert.deepEqual(collectable({ ...facts, kept: [kept[1]!], keptManifests: keptManifests.slice(1) }), [
    one.name,
    two.name,
    aborted.name,
    manifestName(owner, 1),
    manifestName(owner, 2),
    ofBefore,
  ])
  assert.deepEqual(collectable({ ...facts, lastCommitted: undefined, kept: [] }), [])
  // CO-3: without the last committed one in the list, the list is not to be trusted.
  assert.deepEqual(collectable({ ...facts, kept: [kept[0]!] }), [])
})

/** A network's life: snapshots that commit or abort, merges, retention, and collectors of any age, at any moment. */
function live(random: Random, steps: number): void {
  const storage = new Set<string>()
  let committed: SnapshotManifest[] = []
  let lastId = 0
  const ripe: { readonly of: readonly FileReference[]; readonly file: FileReference }[] = []
  const views: Parameters<typeof collectable>[0][] = []
  const put = (file: FileReference): FileReference => {
    storage.add(file.name)
    return file
  }
  for (let step = 0; step < steps; step++) {
    const latest = committed.at(-1)
    const files = latest?.instances[0]!.files ?? []
    const what = random.int(10)
    if (what < 5) {
      const id = ++lastId
      let base = files
      const merge = ripe.shift()
      if (merge !== undefined && merge.file.until >= id)
        base = withMerged(files, merge.of, merge.file) ?? files
      const own = put(makeFile(id, base.length === 0 ? 'full' : 'increment'))
      const manifest = makeManifest(id, latest?.id ?? null, [...base, own])
      assert.deepEqual(unfitReferences(manifest, latest), [])
      storage.add(manifestName(owner, id))
      // It is committed, or aborted and its files stay where they are.
      if (random.int(3) > 0) committed.push(manifest)
    } else if (what < 6 && files.length > 1) {
      ripe.push({ of: files, file: put(makeFile(lastId + 1 + random.int(3), 'full')) })
    } else if (what < 8) {
      // A collector looks now, and deletes now or much later.
      if (latest === undefined) continue
      const kept = committed.filter((manifest) => manifest === latest || random.int(3) > 0)
      committed = kept
      views.push({
        incarnation: 1,
        lastCommitted: latest.id,
        kept,
        keptManifests: kept.map(({ id }) => manifestName(owner, id)),
        present: [...storage],
      })
    } else if (views.length > 0) {
      const [view] = views.splice(random.int(views.length), 1)
      // By then there may be more files than it has seen; it may list them again, too.
      for (const name of collectable({ ...view!, present: [...storage] })) storage.delete(name)
    }
    for (const { id, instances } of committed) {
      assert.ok(storage.has(manifestName(owner, id)), `the manifest of ${id} is there`)
      for (const { name } of instances[0]!.files) assert.ok(storage.has(name), `${name} of ${id} is there`)
    }
  }
}

test('CO-2, CO-3: no collector, however late, deletes what a kept snapshot refers to', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => live(seededRandom(seed), 120)),
    { numRuns: 400 },
  )
})

test('everything that is not needed is deleted in the end', () => {
  const random = seededRandom(5)
  const files = Array.from({ length: 50 }, (_, index) =>
    makeFile(index + 1, random.int(2) === 0 ? 'full' : 'increment'),
  )
  const last = makeManifest(60, 59, [makeFile(60, 'full')])
  const needed = [last.instances[0]!.files[0]!.name, manifestName(owner, 60)]
  const present = [...files.map(({ name }) => name), ...needed]
  const facts = { incarnation: 1, lastCommitted: 60, kept: [last], keptManifests: [needed[1]!], present }
  assert.deepEqual(
    present.filter((name) => !collectable(facts).includes(name)),
    needed,
  )
})

test('files are merged when there are many increments, or large ones', () => {
  const instance = (full: number, increments: readonly number[]) => ({
    component: 'count',
    instance: 0,
    keyGroups: [0, 255] as const,
    ...whole,
    stateVersion: 1,
    files: [makeFile(1, 'full', full), ...increments.map((bytes) => makeFile(1, 'increment', bytes))],
  })
  const { incrementsMax, smallIncrementsMax } = defaultMergePolicy
  const many = (count: number, bytes: number): number[] => Array.from({ length: count }, () => bytes)
  assert.equal(needsMerge(instance(100, [])), false)
  assert.equal(
    needsMerge(
      instance(
        100,
        Array.from({ length: incrementsMax }, () => 1),
      ),
    ),
    false,
  )
  assert.equal(
    needsMerge(
      instance(
        100,
        Array.from({ length: incrementsMax + 1 }, () => 1),
      ),
    ),
    true,
  )
  assert.equal(needsMerge(instance(100, [5_000])), false)
  assert.equal(needsMerge(instance(100, [5_000_000])), true)
  assert.equal(needsMerge(instance(9_000_000, [5_000_000])), false)
  assert.equal(needsMerge({ ...instance(1, []), files: [] }), false)
  // Of a large state, little by little.
  assert.equal(needsMerge(instance(9_000_000, many(smallIncrementsMax, 10_000))), false)
  assert.equal(needsMerge(instance(9_000_000, many(smallIncrementsMax + 1, 10_000))), true)
  assert.equal(needsMerge(instance(9_000_000, many(incrementsMax + 1, 250_000))), true)
})

test('a merge that comes too late is left out', () => {
  const [a, b, c, d] = [
    makeFile(1, 'full'),
    makeFile(2, 'increment'),
    makeFile(3, 'increment'),
    makeFile(9, 'full'),
  ]
  assert.deepEqual(withMerged([a, b, c], [a, b], d), [d, c])
  assert.deepEqual(withMerged([a, b], [a, b], d), [d])
  assert.equal(withMerged([d, c], [a, b], d), undefined)
  assert.equal(withMerged([a], [a, b], d), undefined)
})
