import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { systemClock } from '../../src/base/clock.ts'
import { Merges } from '../../src/run/merges.ts'
import { openSnapshotStorage } from '../../src/stores.ts'
import { SnapshotNetwork, type Taking } from './snapshot-network.ts'
import type { ContestantOptions, RoundAsked, RoundResult } from './snapshot-rounds.ts'

/** The process of one contestant of the benchmark `snapshots`. */

const chunk = 50_000
const { keys, folder, intervalMs } = JSON.parse(process.argv[2]!) as ContestantOptions

const taking = folder === undefined ? undefined : await takingInto(folder)
const net = new SnapshotNetwork(keys, taking)
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
await taking?.merges.close()
await taking?.storage.close()

async function takingInto(path: string): Promise<Taking> {
  const address = pathToFileURL(path).href
  const storage = await openSnapshotStorage(address, systemClock)
  return {
    storage,
    merges: new Merges({ stores: new URL('../../src/stores.ts', import.meta.url).href, address }),
  }
}

/** Counts for some seconds. A snapshot that is under way at the end is waited for, and not measured. */
async function round({ seconds, window }: RoundAsked): Promise<RoundResult> {
  net.keys.window = window
  net.forgetFigures()
  const sinceMs = performance.now()
  const untilMs = sinceMs + seconds * 1_000
  let dueMs = sinceMs
  let taken: Promise<void> = Promise.resolve()
  const before = net.handled
  while (performance.now() < untilMs) {
    if (performance.now() >= dueMs && !net.isTaking) {
      net.keys.base = (net.keys.base + window) % keys
      taken = net.take()
      dueMs += intervalMs
    }
    await net.count(chunk)
  }
  const rate = (net.handled - before) / ((performance.now() - sinceMs) / 1_000)
  await taken
  return { rate, gaps: net.gaps, commitsMs: net.commitsMs }
}
