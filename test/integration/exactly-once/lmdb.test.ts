import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arenas } from './arena.ts'
import { textsMissing } from './network.ts'
import { faultsOf, seedOf } from './order.ts'
import { told } from './outcome.ts'
import { survive } from './survive.ts'

const gateFaults = 100

test(
  'over a folder: whatever is killed and stopped, words are counted and requests joined as by a plain loop',
  { skip: textsMissing },
  async (t) => {
    const [faults, seed] = [faultsOf(gateFaults), seedOf(1)]
    const outcome = await survive({ open: arenas.lmdb, faults, seed, say: (line) => t.diagnostic(line) })
    t.diagnostic(told(outcome))
    assert.ok(outcome.restored >= faults / 10, `recoveries went on from ${outcome.restored} snapshots only`)
  },
)
