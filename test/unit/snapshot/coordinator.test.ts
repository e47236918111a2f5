import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { SnapshotCoordinator } from '../../../src/snapshot/coordinator.ts'
import type { CoordinatorEffect, CoordinatorEvent } from '../../../src/snapshot/coordinator-events.ts'

type Event = CoordinatorEvent<string>
type Effect = CoordinatorEffect<string>

const times = { intervalMs: 100, timeoutMs: 1_000 }

class Bench {
  readonly coordinator = new SnapshotCoordinator<string>(times)
  nowMs = 5_000

  tell(...events: readonly Event[]): Effect[] {
    return events.flatMap((event) => this.coordinator.handle(event, this.nowMs))
  }

  at(afterMs: number, ...events: readonly Event[]): Effect[] {
    this.nowMs += afterMs
    return this.tell(...(events.length === 0 ? [{ type: 'time' } as const] : events))
  }

  /** Until one is in flight. */
  begun(id: number, generation = 1): void {
    this.tell(opened(generation))
    assert.deepEqual(this.at(100), [{ type: 'allocate' }])
    assert.deepEqual(this.tell({ type: 'allocated', id }), [{ type: 'begin', generation, id }])
  }
}

const opened = (generation: number): Event => ({
  type: 'opened',
  generation,
  instances: [1, 2, 3],
})
const part = (id: number, instance: number, generation = 1): Event => ({
  type: 'part',
  generation,
  id,
  instance,
  part: `part ${instance}`,
})
const parts = (id: number, generation = 1): Event[] => [1, 2, 3].map((one) => part(id, one, generation))
const types = (effects: readonly Effect[]): string[] => effects.map(({ type }) => type)
const isOver: Event = { type: 'closed', reason: { type: 'generation' } }

describe('coordinator of snapshots', () => {
  it('commits when each instance has given its part, and begins the next one when it is due', () => {
    const bench = new Bench()
    bench.begun(7)
    assert.deepEqual(bench.at(30, part(7, 1), part(7, 2)), [])
    assert.deepEqual(bench.tell(part(7, 3)), [
      {
        type: 'commit',
        generation: 1,
        id: 7,
        parts: new Map([1, 2, 3].map((one) => [one, `part ${one}`])),
        names: [],
        begunAtMs: 5_100,
      },
    ])
    assert.deepEqual(bench.tell({ type: 'committed', id: 7 }), [])
    assert.equal(bench.coordinator.wakeAtMs, 5_200)
    assert.deepEqual(bench.at(69), [])
    assert.deepEqual(bench.at(1), [{ type: 'allocate' }])
  })

  it('begins soon after one that took longer than the interval, and not at once (CR-1)', () => {
    const bench = new Bench()
    bench.begun(1)
    assert.deepEqual(bench.at(250, ...parts(1).slice(1)), [])
    assert.deepEqual(types(bench.tell(part(1, 1))), ['commit'])
    assert.deepEqual(bench.tell({ type: 'committed', id: 1 }), [])
    assert.equal(bench.coordinator.wakeAtMs, 5_375)
    assert.deepEqual(bench.at(24), [])
    assert.deepEqual(bench.at(1), [{ type: 'allocate' }])
  })

  it('keeps to the interval where one takes nearly as long (CR-1)', () => {
    const bench = new Bench()
    bench.begun(1)
    assert.deepEqual(types(bench.at(99, ...parts(1))), ['commit'])
    assert.deepEqual(bench.tell({ type: 'committed', id: 1 }), [])
    assert.equal(bench.coordinator.wakeAtMs, 5_200)
  })

  it('hears what belongs to another generation or id no more than twice the same (CR-2)', () => {
    const bench = new Bench()
    bench.begun(4)
    assert.deepEqual(bench.tell(...parts(3), ...parts(4, 2), part(4, 1), part(4, 1), part(4, 9)), [])
    const failed: Event = { type: 'failed', generation: 1, id: 3, reason: { type: 'superseded' } }
    assert.deepEqual(bench.tell(failed), [])
    assert.deepEqual(bench.coordinator.inFlight?.missing, [2, 3])
  })

  it('commits at once where there is nobody to ask', () => {
    const bench = new Bench()
    bench.tell({ type: 'opened', generation: 1, instances: [] })
    bench.at(100)
    assert.deepEqual(types(bench.tell({ type: 'allocated', id: 2 })), ['commit'])
  })

  it('aborts what takes too long, and names the late ones (CR-4)', () => {
    const bench = new Bench()
    bench.begun(1)
    bench.tell(part(1, 2))
    assert.equal(bench.coordinator.wakeAtMs, 6_100)
    assert.deepEqual(bench.at(1_000), [
      {
        type: 'abort',
        generation: 1,
        id: 1,
        reason: { type: 'timed-out', timeoutMs: 1_000, late: [1, 3] },
      },
    ])
    assert.equal(bench.coordinator.wakeAtMs, 6_125)
  })

  it('aborts when the generation is over, or another one opens, and goes on with that (CR-4)', () => {
    const bench = new Bench()
    bench.begun(1)
    assert.deepEqual(bench.tell(isOver), [
      { type: 'abort', generation: 1, id: 1, reason: { type: 'generation' } },
    ])
    assert.deepEqual(bench.at(10_000, ...parts(1)), [])
    assert.equal(bench.coordinator.wakeAtMs, undefined)
    bench.begun(2, 2)
    assert.deepEqual(types(bench.tell(opened(3))), ['abort'])
    assert.deepEqual(bench.tell(opened(3)), [])
  })

  it('waits for the fate of a commit, whatever happens to the generation (CR-5)', () => {
    const bench = new Bench()
    bench.begun(1)
    bench.tell(...parts(1))
    assert.deepEqual(bench.tell(isOver, opened(2)), [])
    assert.deepEqual(bench.at(10_050), [])
    const reason = { type: 'superseded' } as const
    assert.deepEqual(bench.tell({ type: 'not-committed', id: 1, reason }), [
      { type: 'abort', generation: 1, id: 1, reason },
    ])
    assert.deepEqual(bench.at(50), [{ type: 'allocate' }])
  })

  it('uses no id that was allocated for a generation that is over', () => {
    const bench = new Bench()
    bench.tell(opened(1))
    bench.at(100)
    assert.deepEqual(bench.tell(isOver, opened(2)), [])
    assert.deepEqual(bench.tell({ type: 'allocated', id: 8 }), [])
    assert.equal(bench.coordinator.inFlight, undefined)
    assert.deepEqual(bench.at(100), [{ type: 'allocate' }])
  })

  it('begins one that is wanted at once, or behind the one in flight, and waits until one is due when it failed', () => {
    const bench = new Bench()
    bench.tell(opened(1))
    const wanted: Event = { type: 'wanted', names: ['before-upgrade'], isUrgent: false }
    assert.deepEqual(bench.tell(wanted), [{ type: 'allocate' }])
    bench.tell(
      { type: 'allocated', id: 1 },
      { type: 'wanted', names: ['before-upgrade', 'late'], isUrgent: false },
    )
    const [commit] = bench.tell(...parts(1))
    assert.deepEqual(commit?.type === 'commit' && commit.names, ['before-upgrade'])
    assert.deepEqual(bench.tell({ type: 'committed', id: 1 }), [{ type: 'allocate' }])
    bench.tell({ type: 'allocated', id: 2 })
    const reason = { type: 'failed', error: new Error('no room') } as const
    assert.deepEqual(types(bench.tell({ type: 'failed', generation: 1, id: 2, reason })), ['abort'])
    assert.deepEqual(bench.tell({ type: 'wanted', names: ['late'], isUrgent: false }), [])
    assert.deepEqual(bench.at(100), [{ type: 'allocate' }])
  })

  it('tries again later where no id could be allocated', () => {
    const bench = new Bench()
    bench.tell(opened(1))
    bench.at(100)
    assert.deepEqual(bench.at(40, { type: 'not-allocated' }), [])
    assert.deepEqual(bench.at(99), [])
    assert.deepEqual(bench.at(1), [{ type: 'allocate' }])
  })
})

/** What may come at any time, in any order; ids and generations are those of now, or stale ones. */
const step = fc.record({
  afterMs: fc.integer({ min: 0, max: 300 }),
  what: fc.constantFrom('open', 'close', 'part', 'fail', 'want', 'allocated', 'fate', 'time'),
  stale: fc.integer({ min: 0, max: 4 }).map((drawn) => (drawn === 0 ? 1 : 0)),
  instance: fc.integer({ min: 1, max: 4 }),
  isGood: fc.boolean(),
})

describe('coordinator of snapshots, whatever happens', () => {
  it('keeps CR-1 to CR-5', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const coordinator = new SnapshotCoordinator<string>(times)
        let nowMs = 0
        let generation = 0
        let isOpen = false
        let nextId = 1
        let inFlight: { readonly id: number; readonly generation: number; parts: Set<number> } | undefined
        let isAllocating = false
        let isCommitting = false
        let lastMs = -Infinity
        let isWanted = false
        let asked = false
        const check = (effects: readonly Effect[]): void => {
          for (const effect of effects)
            switch (effect.type) {
              case 'allocate':
                assert.ok(isOpen && !isAllocating && inFlight === undefined, 'CR-1: one at a time')
                assert.ok(isWanted || asked || nowMs - lastMs >= times.intervalMs, 'CR-1: not too soon')
                isAllocating = true
                break
              case 'begin':
                assert.deepEqual([effect.id, effect.generation], [nextId - 1, generation])
                lastMs = nowMs
                inFlight = { id: effect.id, generation, parts: new Set() }
                break
              case 'commit': {
                if (inFlight === undefined) lastMs = nowMs
                const known = inFlight ?? { id: nextId - 1, generation, parts: new Set() }
                assert.ok(isOpen && effect.id === known.id && effect.generation === generation)
                assert.deepEqual(
                  [1, 2, 3].filter((one) => !effect.parts.has(one)),
                  [],
                  'CR-3: all parts',
                )
                for (const one of effect.parts.keys()) assert.ok(known.parts.has(one), 'CR-2')
                inFlight = known
                isCommitting = true
                break
              }
              case 'abort':
                assert.equal(effect.id, inFlight?.id, 'CR-4: what is in flight is aborted')
                assert.ok(!isCommitting, 'CR-5')
                inFlight = undefined
                break
            }
        }
        const tell = (event: Event): void => check(coordinator.handle(event, nowMs))
        for (const { afterMs, what, stale, instance, isGood } of steps) {
          nowMs += afterMs
          asked = false
          const at = {
            generation: (inFlight?.generation ?? generation) - stale,
            id: nextId - 1,
          }
          if (what === 'open') {
            const before: boolean = isCommitting
            isOpen = true
            generation++
            lastMs = nowMs
            // The abort of what was in flight comes first, and is of the generation before.
            tell(opened(generation))
            assert.equal(isCommitting, before)
          } else if (what === 'close') {
            isOpen = false
            tell(isOver)
          } else if (what === 'part') {
            if (stale === 0 && inFlight?.generation === at.generation) inFlight.parts.add(instance)
            tell({ type: 'part', ...at, instance, part: 'x' })
          } else if (what === 'fail') tell({ type: 'failed', ...at, reason: { type: 'superseded' } })
          else if (what === 'want') {
            isWanted = isGood
            asked = true
            tell({ type: 'wanted', names: isGood && stale === 0 ? ['kept'] : [], isUrgent: isGood })
          } else if (what === 'allocated' && isAllocating) {
            isAllocating = false
            if (isGood) {
              tell({ type: 'allocated', id: nextId++ })
            } else tell({ type: 'not-allocated' })
          } else if (what === 'fate' && isCommitting) {
            const { id } = inFlight!
            isCommitting = false
            if (isGood) {
              inFlight = undefined
              tell({ type: 'committed', id })
            } else tell({ type: 'not-committed', id, reason: { type: 'superseded' } })
          } else tell({ type: 'time' })
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('never stands still: with parts that come, snapshots are committed', () => {
    const bench = new Bench()
    bench.tell(opened(1))
    let committed = 0
    for (let turn = 0; turn < 1_000; turn++) {
      const queue = [...bench.at(10)]
      for (let effect = queue.shift(); effect !== undefined; effect = queue.shift()) {
        if (effect.type === 'allocate') queue.push(...bench.tell({ type: 'allocated', id: turn + 1 }))
        else if (effect.type === 'begin') queue.push(...bench.tell(...parts(effect.id)))
        else if (effect.type === 'commit') {
          committed++
          queue.push(...bench.tell({ type: 'committed', id: effect.id }))
        }
      }
    }
    assert.equal(committed, 100)
  })
})
