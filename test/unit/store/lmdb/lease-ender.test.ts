import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LeaseEnder } from '../../../../src/store/lmdb/lease-ender.ts'
import type { Tables } from '../../../../src/store/lmdb/tables.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'

/** A table of the ends of leases, in milliseconds from now. */
function world(...endsMs: number[]) {
  const clock = new TestClock()
  const beginMs = clock.monotonic()
  const ends = [...endsMs]
  const endedMs: number[] = []
  const reports: string[] = []
  let granted = ends.length
  let failures = 0
  const tables = {
    state: () => ({ lastLease: granted }),
    firstExpiry: () => {
      const first = Math.min(...ends)
      return ends.length === 0 ? undefined : { lease: String(first), expiresAtMs: beginMs + first }
    },
  } as unknown as Tables
  const ender = new LeaseEnder({
    clock,
    tables,
    read: (action) => action(),
    end: async () => {
      if (failures-- > 0) throw new Error('no room')
      const nowMs = clock.monotonic() - beginMs
      for (const end of ends.filter((one) => one <= nowMs)) {
        endedMs.push(nowMs - end)
        ends.splice(ends.indexOf(end), 1)
      }
    },
    onEnded: () => undefined,
    report: ({ message }) => reports.push(message),
  })
  ender.look()
  return {
    clock,
    ender,
    endedMs,
    reports,
    grant: (endMs: number): void => {
      ends.push(endMs)
      granted++
      ender.look()
    },
    failNext: (times: number): void => {
      failures = times
    },
  }
}

/** What was tried has come to its end. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

test('LE-1: a lease ends at its time', () => {
  const { clock, endedMs } = world(1_000)
  clock.advance(990)
  assert.deepEqual(endedMs, [])
  clock.advance(100)
  assert.equal(endedMs.length, 1)
  assert.ok(endedMs[0]! < 50, `it ended ${endedMs[0]} ms late`)
})

test('LB-3, LE-1: one that another process was granted later, and that ends sooner, ends at its time too', () => {
  const { clock, endedMs, grant } = world(60_000)
  clock.advance(100)
  grant(1_000)
  clock.advance(1_500)
  assert.equal(endedMs.length, 1)
  assert.ok(endedMs[0]! < 50, `it ended ${endedMs[0]} ms late`)
})

test('LE-3: what fails is tried again, and told once', async () => {
  const { clock, endedMs, reports, failNext } = world(1_000)
  failNext(3)
  for (let step = 0; step < 100; step++) {
    clock.advance(100)
    await settled()
  }
  assert.equal(endedMs.length, 1)
  assert.deepEqual(reports, ['no room'])
})
