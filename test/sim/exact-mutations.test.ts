import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exactMutations } from './snapshots/exact-mutations.ts'
import { runExactSeed } from './snapshots/exact-seed.ts'

/** So many seeds at the most are looked at for each, where the one that is known does not show it any more. */
const seedsMax = 200

for (const { name, finds, faults, seed: known, hasOuter = false, apply } of exactMutations)
  test(`the simulation finds out that ${name}`, async () => {
    for (const seed of [known, ...Array.from({ length: seedsMax }, (_, i) => i + 1)]) {
      const undo = apply()
      try {
        const { violations } = await runExactSeed(seed, {
          ...(faults && { faults }),
          until: finds,
          hasOuter,
        })
        if (violations.some((violation) => finds.test(violation))) return
      } finally {
        undo()
      }
    }
    assert.fail(`${finds} was not found in ${seedsMax} seeds`)
  })
