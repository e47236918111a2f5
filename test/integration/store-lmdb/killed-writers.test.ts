import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../../src/base/random.ts'
import { type Child, countOf, makeFolder, openStore, startChild } from './support.ts'

const kills = 24
const writers = 3

test(`${writers} writers, killed ${kills} times at any moment: what was acknowledged is there, and the others go on`, async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder)
  const seed = Date.now() % 1_000_000
  t.diagnostic(`seed ${seed}`)
  const random = seededRandom(seed)
  const all: Child[] = []
  const start = (): Child => {
    const child = startChild(t, 'increment', folder)
    all.push(child)
    return child
  }
  const acknowledged = ({ told }: Child): number =>
    Math.max(0, ...told.filter(({ word }) => word === 'acknowledged').map(({ count }) => count!))
  const living = Array.from({ length: writers }, start)

  for (let kill = 0; kill < kills; kill++) {
    const at = random.int(writers)
    const victim = living[at]!
    const few = random.int(5) + 1
    await victim.until('has written something', () => acknowledged(victim) >= few)
    victim.kill('SIGKILL')
    await victim.exited
    const other = living[(at + 1) % writers]!
    await other.hear('open')
    const before = acknowledged(other)
    await other.until('goes on', () => acknowledged(other) > before)
    living[at] = start()
  }
  for (const child of living) {
    child.kill('SIGKILL')
    await child.exited
  }

  let sum = 0
  for (const child of all) {
    const stored = await countOf(store, `own/${child.process.pid}`)
    const known = acknowledged(child)
    // One more may have been committed, and the process killed before it could tell.
    assert.ok(stored === known || stored === known + 1, `${stored} stored, ${known} acknowledged`)
    sum += stored
  }
  const shared = await countOf(store, 'shared')
  assert.ok(shared >= sum && shared <= sum + all.length, `${shared} in all, ${sum} of their own`)
})
