import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { VertigoError } from '../../../src/base/errors.ts'
import type { StoreBackend } from '../../../src/store/backend.ts'
import type { CallOptions } from '../../../src/store/store.ts'
import { BufferedWatch } from '../../../src/store/watch.ts'

test('a watch that has to read much gives each attempt more time than the one before', async () => {
  const limits: number[] = []
  const neededMs = 60_000
  const backend: Pick<StoreBackend, 'range' | 'follow'> = {
    async range(_prefix, { timeoutMs = 5_000 }: CallOptions) {
      limits.push(timeoutMs)
      if (timeoutMs < neededMs) throw new VertigoError('STORE_UNREACHABLE', 'Not within the time.')
      return { entries: [], revision: 7, more: false }
    },
    follow: () => ({ cancel: () => undefined }),
  }
  // Pauses between attempts pass at once.
  const clock = {
    ...systemClock,
    after: (_delayMs: number, action: () => void) => systemClock.after(0, action),
  }
  const watch = new BufferedWatch(backend as StoreBackend, clock, '', {}, () => undefined)
  for await (const { revision, resynced } of watch) {
    assert.deepEqual([revision, resynced], [7, true])
    break
  }
  assert.deepEqual(limits, [10_000, 20_000, 40_000, 80_000])
})
