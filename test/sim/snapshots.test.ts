import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runSnapshots } from './snapshots/run.ts'

const seeds = Number(process.env['SNAPSHOT_SEEDS'] ?? 60)
const first = Number(process.env['SNAPSHOT_FIRST'] ?? 1)

test(`networks of the seeds ${first} to ${first + seeds - 1} go on from their snapshots as if nothing had happened`, async () => {
  const sum = { committed: 0, aborted: 0, kills: 0, rescalings: 0, withChannelState: 0, messages: 0 }
  for (let seed = first; seed < first + seeds; seed++) {
    try {
      const result = await runSnapshots(seed)
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += result[key]
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
  // A simulation in which nothing happens finds nothing.
  assert.ok(sum.committed > seeds * 2, JSON.stringify(sum))
  assert.ok(
    sum.kills > seeds && sum.aborted > 0 && sum.rescalings > 0 && sum.withChannelState > 0,
    JSON.stringify(sum),
  )
})
