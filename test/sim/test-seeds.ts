import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runSeed, seedText } from './run-seed.ts'

/** Each file of this tier runs its share of the seeds, so that they use the cores: the last ones the least, so that none waits long. */
export function testSeeds(first: number, count: number): void {
  test(`clusters of the seeds ${first} to ${first + count - 1} keep what they promise`, async () => {
    let handled = 0
    let faults = 0
    for (let seed = first; seed < first + count; seed++) {
      const result = await runSeed(seed)
      assert.deepEqual(result.violations, [], seedText(seed))
      handled += result.handled
      faults += result.faults
    }
    // A simulation in which nothing happens finds nothing.
    assert.ok(handled > count * 500, `${handled} messages were handled`)
    assert.ok(faults > count * 3, `there were ${faults} faults`)
  })
}
