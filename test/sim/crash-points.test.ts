import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crashRun } from './crash-run.ts'
import { crashesOf, type CrashPoint, crashText, firstOfEach } from './crashes.ts'

/**
 * All or nothing, and repeating is harmless: a cluster is deployed to, changed, scaled, drained, hurt and emptied, once for
 * each of its steps, and at that step whoever does it ends. The first one of each kind stands for its like (`npm run
 * sim -- --crashes` ends at all of them).
 */
const all = await crashRun()

test('the cluster comes to all its steps, and nothing is wrong where nobody ends', () => {
  assert.deepEqual(all.violations, [])
  const names = new Set(all.points.map(({ name }) => name))
  for (const name of ['join', 'campaign', 'change', 'plan', 'open', 'close', 'outcome', 'clean-up', 'ready'])
    assert.ok(names.has(name as CrashPoint['name']), `nobody came to "${name}"`)
})

for (const what of ['node', 'worker'] as const)
  test(`a ${what} may end before, at and after each step`, async () => {
    for (const crash of crashesOf(firstOfEach(all.points))) {
      if (crash.what !== what) continue
      const { violations } = await crashRun(crash)
      assert.deepEqual(violations, [], crashText(crash))
    }
  })
