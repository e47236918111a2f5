import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crashesOf, type CrashPoint, crashText, firstOfEach } from './crashes.ts'
import { exactCrashRun } from './snapshots/exact-crash-run.ts'

/**
 * A network that takes snapshots, is scaled, loses a node and comes to its end, once for each of its steps, at which whoever does it
 * ends: before and after each step of a snapshot, its commit, a plan and a recovery, of each call of a sink, of opening a journal
 * and writing to it. What the network has at its end is the same.
 * The first step of each kind stands for its like (`npm run sim -- --crashes` ends at all of them).
 */
const all = await exactCrashRun()

test('a network with snapshots comes to all its steps, and nothing is wrong where nobody ends', () => {
  assert.deepEqual(all.violations, [])
  const names = new Set(all.points.map(({ name }) => name))
  for (const name of [
    'take-ids',
    'begin-snapshot',
    'write-part',
    'tell-part',
    'prepare-sink',
    'commit-sink',
    'recover-sink',
    'open-journal',
    'write-journal',
    'write-manifest',
    'commit',
    'end-snapshot',
    'plan',
    'load',
    'ready',
    'open',
    'outcome',
  ])
    assert.ok(names.has(name as CrashPoint['name']), `nobody came to "${name}"`)
})

for (const what of ['node', 'worker'] as const)
  test(`a ${what} may end before, at and after each step of a snapshot, a commit, a plan and a recovery`, async () => {
    for (const crash of crashesOf(firstOfEach(all.points))) {
      if (crash.what !== what) continue
      const { violations } = await exactCrashRun(crash)
      assert.deepEqual(violations, [], crashText(crash))
    }
  })
