import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { countRounds, type FaultRun, holderRounds, queueRounds, registerRounds } from './rounds.ts'

describe('processes over a store in a folder, killed and stopped', () => {
  const run = (t: TestContext, rounds: number, seed: number): FaultRun => {
    const folder = mkdtempSync(join(tmpdir(), 'vertigo-faults-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    return { url: `lmdb:${folder}/store`, actors: 4, rounds, ttlMs: 300, seed }
  }
  test('an election has one leader at a time, over 200 faults', async (t) =>
    void (await holderRounds(run(t, 200, 1), 'lead')))
  test('a lock has one holder at a time', async (t) => void (await holderRounds(run(t, 60, 2), 'lock')))
  test('a counter holds what was acknowledged', async (t) => void (await countRounds(run(t, 60, 3))))
  test('an element of a queue is taken once', async (t) => void (await queueRounds(run(t, 60, 4))))
  test('histories are linearizable', async (t) => void (await registerRounds(run(t, 80, 5))))
})
