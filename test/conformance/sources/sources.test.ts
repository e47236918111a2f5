import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../../support/eventually.ts'
import { subjects } from './subjects.ts'
import { running, sourceSuite } from './suite.ts'

sourceSuite(subjects)

test('feeder with a journal: what no kept snapshot goes back to is released, and nothing else', async (t) => {
  const fixture = await subjects.find(({ name }) => name.startsWith('feeder'))!.make(t)
  await running(fixture, 1, async (network, giving) => {
    await network.untilSeen(30)
    const first = await network.take()
    await network.untilSeen(60)
    await network.take()
    const [journal] = fixture.journals
    assert.equal(journal!.start, 0)
    await network.untilSeen(90)
    await network.take({ oldestKept: first.id })
    await eventually('the journal is released', () => journal!.start > 0)
    const released = journal!.start
    // That one can still be gone back to; what was before it is needed by nobody.
    await network.begin(1, first)
    assert.equal(fixture.journals.at(-1)!.start, released)
    await giving
    await network.untilFinished()
    assert.deepEqual(fixture.given.faults(network.seen), [])
  })
})
