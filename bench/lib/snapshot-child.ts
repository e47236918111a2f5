import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { systemClock } from '../../src/base/clock.ts'
import { Merges } from '../../src/run/merges.ts'
import { openSnapshotStorage } from '../../src/stores.ts'
import { SnapshotNetwork } from './snapshot-network.ts'
import { measureSlices } from './snapshot-slices.ts'
import type { MeasuredOptions, RoundAsked, RoundResult } from './snapshot-rounds.ts'

/** The process of the network of the benchmark `snapshots`. */

const chunk = 50_000
const { keys, folder, intervalMs } = JSON.parse(process.argv[2]!) as MeasuredOptions

const slicesMs: number[] = []
measureSlices(slicesMs)
const address = pathToFileURL(folder).href
const storage = await openSnapshotStorage(address, systemClock)
const merges = new Merges({ stores: new URL('../../src/stores.ts', import.meta.url).href, address })
const net = new SnapshotNetwork(keys, { storage, merges })
await net.start()
// Rounds follow each other: the next one is asked for when the one before was told.
process.on('message', (asked: RoundAsked) => {
  round(asked).then(
    (result) => process.send!(result),
    (error: unknown) => {
      throw error
    },
  )
})
const ended = once(process, 'disconnect')
process.send!('started')
await ended
await net.close()
await merges.close()
await storage.close()

/**
 * Counts for some seconds. What was changed before is in a snapshot when a round with snapshots begins; one that is under way at its end is
 * waited for. Neither is measured.
 */
async function round({ seconds, window, takes }: RoundAsked): Promise<RoundResult> {
  net.keys.window = window
  if (takes) await net.take()
  net.forgetFigures()
  slicesMs.length = 0
  const sinceMs = performance.now()
  const untilMs = sinceMs + seconds * 1_000
  let dueMs = sinceMs
  let taken: Promise<void> = Promise.resolve()
  const before = net.handled
  while (performance.now() < untilMs) {
    if (performance.now() >= dueMs && !net.isTaking) {
      net.keys.base = (net.keys.base + window) % keys
      if (takes) taken = net.take()
      dueMs += intervalMs
    }
    await net.count(chunk)
  }
  const rate = (net.handled - before) / ((performance.now() - sinceMs) / 1_000)
  await taken
  return { rate, gaps: net.gaps, commitsMs: net.commitsMs, slicesMs }
}
