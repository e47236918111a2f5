import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exactSeedText, runExactSeed } from './exact-seed.ts'
import { runSnapshots } from './run.ts'

/** Each file of this tier runs its share of the seeds, so that they use the cores: the last ones the least, so that none waits long. */

/** Clusters whose networks have snapshots. */
export function testExactSeeds(first: number, count: number): void {
  test(`networks with snapshots of the seeds ${first} to ${first + count - 1} have at their end what a plain loop has`, async () => {
    const sum = { faults: 0, changes: 0, committed: 0, aborted: 0, restored: 0, withChannelState: 0, late: 0 }
    for (let seed = first; seed < first + count; seed++) {
      const result = await runExactSeed(seed)
      assert.deepEqual(result.violations, [], exactSeedText(seed))
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += result[key]
    }
    // A simulation in which nothing happens finds nothing.
    const { faults, changes, committed, aborted, restored, withChannelState, late } = sum
    const seen = JSON.stringify(sum)
    assert.ok(faults > count * 3 && changes > count * 2 && committed > count * 4 && restored > count, seen)
    assert.ok(aborted > 0 && withChannelState > 0 && late > 0, seen)
  })
}

/** Workers of one process, and a coordinator that is played. */
export function testNetworkSeeds(first: number, count: number): void {
  test(`networks of the seeds ${first} to ${first + count - 1} go on from their snapshots as if nothing had happened`, async () => {
    const sum = { committed: 0, aborted: 0, kills: 0, rescalings: 0, withChannelState: 0, messages: 0 }
    for (let seed = first; seed < first + count; seed++) {
      try {
        const result = await runSnapshots(seed)
        for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += result[key]
      } catch (error) {
        throw new Error(`seed ${seed} failed: npm run sim -- --networks --first ${seed} --seeds 1`, {
          cause: error,
        })
      }
    }
    const { committed, aborted, kills, rescalings, withChannelState } = sum
    const seen = JSON.stringify(sum)
    assert.ok(committed > count * 2 && kills > count, seen)
    assert.ok(aborted > 0 && rescalings > 0 && withChannelState > 0, seen)
  })
}
