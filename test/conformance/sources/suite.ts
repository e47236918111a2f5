import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../../support/eventually.ts'
import { SourceNetwork } from './source-network.ts'
import type { Fixture, Subject } from './subjects.ts'

/** What every source keeps in a network that loses nothing, whatever it reads. */

export async function running(
  fixture: Fixture,
  instances: number,
  story: (network: SourceNetwork, giving: Promise<void>) => Promise<void>,
): Promise<void> {
  const network = new SourceNetwork(fixture.source)
  try {
    await network.begin(instances)
    const giving = fixture.give(network)
    giving.catch(() => undefined)
    await story(network, giving)
  } finally {
    await network.close()
  }
}

/** Whatever was told in the story, in the end all is there that was given. */
function losingNothing(
  fixture: Fixture,
  instances: number,
  story: (network: SourceNetwork) => Promise<void>,
): Promise<void> {
  return running(fixture, instances, async (network, giving) => {
    await story(network)
    await giving
    await eventually(
      'all that was acknowledged has come, and nothing twice',
      () => {
        assert.equal(network.failure, undefined)
        assert.deepEqual(fixture.given.faults(network.seen), [])
        return true
      },
      60_000,
    )
  })
}

export function sourceSuite(subjects: readonly Subject[]): void {
  function forEach(name: string, run: (subject: Subject, fixture: Fixture) => Promise<void>): void {
    for (const subject of subjects)
      test(`${subject.name}: ${name}`, { timeout: 180_000 }, async (t) => run(subject, await subject.make(t)))
  }

  forEach(
    'what is sent again after a failure is what comes behind the snapshot, and nothing else',
    (_, fixture) =>
      running(fixture, 1, async (network) => {
        await network.untilSeen(20)
        // Before there is a snapshot: from the beginning.
        await network.begin(1, undefined)
        await network.untilSeen(30)
        const first = await network.take()
        await network.untilSeen(70)
        await network.begin()
        await network.untilSeen(90)
        await network.take()
        // Further back than the last one, which an operator may want.
        await network.begin(1, first)
        await network.untilSeen(110)
        await network.take()
        await network.begin()
        await network.begin()
      }),
  )

  forEach('with other numbers of copies, each split is read by one of them', (_, fixture) =>
    losingNothing(fixture, 3, async (network) => {
      for (const [instances, seen] of [
        [2, 40],
        [4, 80],
        [1, 120],
      ] as const) {
        await network.untilSeen(seen)
        await network.take()
        await network.untilSeen(seen + 15)
        await network.begin(instances)
      }
    }),
  )

  forEach('a source that is at its end stays there, and sends nothing again', async ({ name }, fixture) => {
    // It has none.
    if (name.startsWith('http')) return
    await losingNothing(fixture, 2, async (network) => {
      await network.untilFinished()
      await network.take()
      const before = network.seen.length
      await network.begin(2)
      await network.untilFinished()
      assert.equal(network.seen.length, before)
      await network.begin(3)
      await network.untilFinished()
      assert.equal(network.seen.length, before)
    })
  })

  for (const subject of subjects)
    test(`${subject.name}: a position that is no more, or of something else, is refused before anything runs`, async (t) => {
      for (const [index] of (await subject.make(t)).damages.entries()) {
        const fixture = await subject.make(t)
        const { what, damage } = fixture.damages[index]!
        await running(fixture, 1, async (network, giving) => {
          await giving
          await network.untilSeen(20)
          const snapshot = await network.take()
          await damage()
          await assert.rejects(network.begin(1, snapshot), { code: 'SOURCE_POSITION_LOST' }, what)
        })
      }
    })
}
