import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isVertigoError } from '../../../src/base/errors.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { eventLoopTurn } from '../../../src/testkit/test-clock.ts'
import type { SinkSubject, SinkTarget } from './subjects.ts'
import { type Message, SinkWorld, type Step, until } from './world.ts'

/** What every sink that publishes with the commit has to do, whatever it writes to. */
export function sinkSuite(subject: SinkSubject): void {
  const { tellsNewest = true, keepsOrder = true } = subject

  async function inWorld(
    body: (world: SinkWorld, target: SinkTarget) => Promise<void>,
    instances = 1,
  ): Promise<void> {
    const target = await subject.open()
    const world = new SinkWorld({ ...target, instances })
    try {
      await body(world, target)
      assert.deepEqual(world.failures, [], 'nothing failed')
    } finally {
      await world.close()
      await target.close()
    }
  }

  async function shows(target: SinkTarget, expected: readonly Message[]): Promise<void> {
    let seen: readonly Message[] = []
    await until(async () => {
      seen = await target.read()
      return seen.length >= expected.length
    }, `${expected.length} messages are to be seen`).catch((error: unknown) => {
      assert.deepEqual(byKey(seen), byKey(expected), String(error))
    })
    assert.deepEqual(byKey(seen), byKey(expected))
  }

  /** By key; as they came where that is promised. */
  function byKey(messages: readonly Message[]): Record<string, readonly number[]> {
    const groups: Record<string, number[]> = {}
    for (const { key, number } of messages) (groups[key] ??= []).push(number)
    if (!keepsOrder) for (const numbers of Object.values(groups)) numbers.sort((a, b) => a - b)
    return groups
  }

  describe(subject.name, { concurrency: false }, () => {
    test('SK-3: nothing is to be seen before the store says so; then all is, once', () =>
      inWorld(async (world, target) => {
        await world.start()
        const sent = world.send('a', 'b', 'a')
        await world.handled()
        await world.snapshot()
        assert.deepEqual(await target.read(), [])
        world.commit()
        assert.deepEqual(await target.read(), [], 'that it is committed is known to nobody')
        world.tell()
        await shows(target, sent)
        const more = world.send('b', 'c')
        await world.publish()
        await shows(target, [...sent, ...more])
      }))

    test('who is stopped when the commit is known publishes what it has first', () =>
      inWorld(async (world, target) => {
        await world.start()
        const sent = world.send('a', 'b', 'c', 'a')
        await world.publish()
        await world.close()
        assert.deepEqual(byKey(await target.read()), byKey(sent))
      }))

    test('SK-3: an aborted snapshot takes nothing back', () =>
      inWorld(async (world, target) => {
        await world.start()
        const first = world.send('a', 'b')
        await world.handled()
        await world.snapshot()
        world.abort()
        const second = world.send('a')
        await world.handled()
        await world.snapshot()
        assert.deepEqual(await target.read(), [])
        world.commit()
        world.tell()
        await shows(target, [...first, ...second])
      }))

    test('SN-6: a finite network is at its end when all is published', () =>
      inWorld(async (world, target) => {
        await world.start()
        const sent = world.send('a', 'b', 'c')
        world.end()
        await world.handled()
        await world.snapshot()
        assert.deepEqual([world.allFinished, await target.read()], [false, []])
        world.commit()
        world.tell()
        await world.finish()
        assert.deepEqual(byKey(await target.read()), byKey(sent))
        // What has finished has nothing left to publish, in any later life.
        await world.snapshot()
        world.commit()
        world.kill()
        await world.start()
        await until(() => world.allFinished, 'all have finished once more')
        assert.deepEqual(byKey(await target.read()), byKey(sent))
      }))

    test('what was over and not published is published by the next life, and is then over', () =>
      inWorld(async (world, target) => {
        await world.start()
        const sent = world.send('a', 'b', 'c')
        world.end()
        await world.handled()
        await world.snapshot()
        world.commit()
        world.kill()
        await world.start()
        await shows(target, sent)
        await world.finish()
        await shows(target, sent)
      }))

    for (const step of ['prepare', 'commit', 'recover'] satisfies Step[])
      for (const at of ['before', 'after'] as const)
        test(`a crash ${at} ${step} loses nothing and doubles nothing`, () =>
          inWorld(async (world, target) => {
            await world.start()
            const sent = [...world.send('a', 'b', 'a', 'c')]
            await world.publish()
            await shows(target, sent)
            await world.idle()
            let crashes = 0
            world.interfere = (now, when, life) => {
              if (now !== step || when !== at || crashes > 0 || life !== world.life) return undefined
              crashes++
              world.kill()
              // It is never heard of again.
              if (now === 'prepare') throw new Error('crashed')
              return Promise.withResolvers<void>().promise
            }
            sent.push(...world.send('b', 'c', 'a'))
            await world.handled()
            if (step === 'prepare') {
              await assert.rejects(world.snapshotUnlessKilled(), /killed/)
            } else {
              await world.snapshot()
              world.commit()
              if (step === 'commit') world.tell()
              else {
                world.kill()
                await assert.rejects(world.startUnlessKilled(), /killed/)
              }
              await until(() => crashes === 1, 'it has crashed')
            }
            await world.start()
            sent.push(...world.send('d'))
            await world.publish()
            await shows(target, sent)
          }))

    test('what is committed with nobody being told of it is published before the next life is ready', () =>
      inWorld(async (world, target) => {
        await world.start()
        const sent = world.send('a', 'b')
        await world.handled()
        await world.snapshot()
        world.commit()
        world.kill()
        await world.start()
        assert.deepEqual(byKey(await target.read()), byKey(sent))
      }))

    test('what is committed is published also where the sink then begins afresh', () =>
      inWorld(async (world, target) => {
        await world.start()
        const sent = [...world.send('a', 'b', 'a', 'c')]
        await world.handled()
        await world.snapshot()
        world.commit()
        world.kill()
        await world.start({ discards: true })
        assert.deepEqual(byKey(await target.read()), byKey(sent))
        sent.push(...world.send('b', 'c'))
        await world.publish()
        await shows(target, sent)
        assert.deepEqual(world.log, [])
      }, 2))

    test('an instance that was replaced commits late, and what its successor has published stands', () =>
      inWorld(async (world, target) => {
        await world.start()
        const waiting = Promise.withResolvers<void>()
        let isLate = false
        world.interfere = (step, at, life) => {
          if (step !== 'commit' || life !== 1) return undefined
          if (at === 'before') return waiting.promise
          isLate = true
          return undefined
        }
        const sent = [...world.send('a', 'b', 'a')]
        await world.publish()
        sent.push(...world.send('b', 'c'))
        await world.handled()
        await world.snapshot()
        world.commit()
        world.kill()
        await world.start()
        sent.push(...world.send('a'))
        await world.publish()
        await shows(target, sent)
        waiting.resolve()
        await until(() => isLate, 'the late commit has come')
        await shows(target, sent)
        sent.push(...world.send('c'))
        await world.publish()
        await shows(target, sent)
      }))

    test('an instance that was replaced commits between what its successor looks for and writes', () =>
      inWorld(async (world, target) => {
        await world.start()
        const waiting = Promise.withResolvers<void>()
        const late = Promise.withResolvers<void>()
        world.interfere = async (step, at, life) => {
          if (step === 'commit' && life === 1) {
            if (at === 'before') await waiting.promise
            else late.resolve()
          }
          if (step === 'recover' && at === 'after' && life === 2) {
            waiting.resolve()
            await late.promise
          }
        }
        const interfere = world.interfere
        // `prepare` is at once.
        world.interfere = (step, at, life) => (step === 'prepare' ? undefined : interfere(step, at, life))
        const sent = [...world.send('a', 'b', 'a')]
        await world.publish()
        sent.push(...world.send('b', 'c'))
        await world.handled()
        await world.snapshot()
        world.commit()
        world.replace()
        await world.start()
        await shows(target, sent)
      }))

    test('with other numbers of instances, each piece is published once', () =>
      inWorld(async (world, target) => {
        const sent: Message[] = []
        for (const [at, instances] of [3, 1, 3, 2].entries()) {
          world.instances = instances
          await world.start()
          sent.push(...world.send(...Array.from({ length: 12 }, (_, i) => `k${i % 7}`)))
          await world.handled()
          await world.snapshot()
          world.commit()
          if (at % 2 === 1) world.tell()
          world.kill()
        }
        await world.start()
        // What a writer published, another one may have published behind it by now.
        assert.deepEqual(sorted(await target.read()), sorted(sent))
      }, 3))

    test('a commit that fails is tried again', async (context) => {
      await inWorld(async (world, target) => {
        if (target.setDown === undefined) {
          context.skip('it is always there')
          return
        }
        await world.start()
        const sent = [...world.send('a', 'b')]
        await target.setDown(true)
        await world.publish()
        sent.push(...world.send('a'))
        await world.publish()
        await target.setDown(false)
        await shows(target, sent)
      })
    })

    test('SINK_AHEAD: a store that was taken back does not go on', async (context) => {
      if (!tellsNewest) {
        context.skip('it does not know what it has')
        return
      }
      await inWorld(async (world, target) => {
        await world.start()
        world.send('a', 'b')
        await world.publish()
        const back = world.restorePoint
        const sent = world.send('c')
        await world.publish()
        await until(async () => (await target.read()).length === 3, 'all is published')
        await world.idle()
        world.kill()
        back()
        await assert.rejects(world.start(), (error: unknown) => {
          assert.ok(isVertigoError(error))
          assert.equal(error.code, 'SINK_AHEAD', error.message)
          return true
        })
        assert.equal((await target.read()).length, 2 + sent.length)
        world.kill()
        // Somebody has accepted that it is published again.
        await world.start({ upTo: { incarnation: 1, id: 2 } })
        await world.handled()
      })
    })

    test('IS-5: what waits for a snapshot is bounded, and holds up none', async (context) => {
      if (subject.isBounded !== true) {
        context.skip('it does not measure what it receives')
        return
      }
      await inWorld(async (world) => {
        await world.start()
        const sent = world.send(...Array.from({ length: 320 }, () => 'a'.repeat(300_000)))
        await until(() => world.received >= 70, 'it takes some')
        // What is there could all be handled in a few turns; parcels of 256 are taken whole.
        for (let turns = 0; turns < 500; turns++) await eventLoopTurn()
        assert.ok(world.received < sent.length, `it takes ${world.received} of ${sent.length} times 300 KB`)
        // A snapshot that nothing may be on its way in does not wait for it.
        await world.snapshot()
        world.abort()
      })
    })

    test('whatever dies when, what is published is what was sent, by key', async () => {
      for (let seed = 1; seed <= 6; seed++) await randomLife(seed)
    })
  })

  /** Cuts, commits, aborts, deaths and changes of numbers as a seed draws them. */
  async function randomLife(seed: number): Promise<void> {
    const chance = seededRandom(seed)
    await inWorld(async (world, target) => {
      await world.start()
      const sent: Message[] = []
      for (let step = 0; step < 14; step++) {
        sent.push(...world.send(...Array.from({ length: chance.int(9) }, () => `k${chance.int(5)}`)))
        await world.handled()
        const what = chance.int(6)
        if (what === 0) continue
        await world.snapshot()
        if (what === 1) world.abort()
        else world.commit()
        if (what > 2) world.tell()
        if (chance.int(3) > 0) continue
        world.kill()
        if (chance.int(2) === 0) world.instances = 1 + chance.int(3)
        await world.start()
      }
      await world.finish()
      assert.deepEqual(sorted(await target.read()), sorted(sent), `seed ${seed}`)
    }, 2)
  }
}

function sorted(messages: readonly Message[]): readonly string[] {
  return messages.map(({ key, number }) => `${key} ${number}`).toSorted()
}
