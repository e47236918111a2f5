import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assignmentsOf } from '../../../../src/cluster/agent/assignments.ts'
import { channelNumber, channelParts } from '../../../../src/cluster/protocol/channels.ts'
import { asGeneration, asInstanceId, asVersion } from '../../../../src/cluster/protocol/numbers.ts'
import type { Plan } from '../../../../src/cluster/protocol/plan.ts'
import { nowhere, type WorkerAssignment } from '../../../../src/worker/assignment.ts'
import { seededRandom } from '../../../../src/base/random.ts'
import { throwsWith } from '../../testkit/errors.ts'
import { byVersion, plan, type Placed, version, type Written } from './plans.ts'

/** All channels, as `a[0]#1 -> b[0]#2` by their senders. */
function channels(assignments: readonly WorkerAssignment[]): string[] {
  const names = new Map(
    assignments.flatMap(({ instances }) =>
      instances.map((it) => [it.id, `${it.component}[${it.instance}]#${it.id}`] as const),
    ),
  )
  return assignments
    .flatMap(({ instances }) => instances)
    .flatMap((it) =>
      it.outputs.flatMap((output) =>
        output.channels.map(({ channel, toWorker }) => {
          const to = toWorker === nowhere ? 'nowhere' : names.get(channelParts(channel).target)
          return `${names.get(it.id)} -> ${to}`
        }),
      ),
    )
    .toSorted()
}

function instanceOf(assignments: readonly WorkerAssignment[], id: number) {
  return assignments.flatMap(({ instances }) => instances).find((it) => it.id === id)!
}

/** AS-1. */
function assertConsistent(of: Plan, assignments: readonly WorkerAssignment[]): void {
  const workerOf = new Map(of.instances.map(({ id, worker }) => [id as number, worker as number]))
  const sent = new Map<number, string>()
  const received = new Map<number, string>()
  for (const { worker, instances, peers, workers } of assignments) {
    for (const it of instances) {
      assert.equal(workerOf.get(it.id), worker)
      for (const { channels: out } of it.outputs) {
        for (const { channel, toWorker } of out) {
          if (toWorker === nowhere) continue
          assert.ok(!sent.has(channel), `channel ${channel} is sent once`)
          sent.set(channel, `${worker} -> ${toWorker}`)
          const { source, target } = channelParts(channel)
          assert.equal(source, it.id)
          assert.equal(workerOf.get(target), toWorker)
          if (toWorker !== worker) assert.ok(peers.includes(toWorker))
          assert.ok(workers.includes(toWorker))
        }
      }
      for (const { channel, fromWorker } of it.inputs) {
        assert.ok(!received.has(channel), `channel ${channel} is received once`)
        received.set(channel, `${fromWorker} -> ${worker}`)
        assert.equal(channelParts(channel).target, it.id)
        if (fromWorker !== worker) assert.ok(peers.includes(fromWorker))
      }
    }
  }
  assert.deepEqual(sent, received)
}

const chain: Written = {
  components: { a: 1, b: 2, c: 1 },
  connections: [
    ['a.out', 'b.in'],
    ['b.out', 'c.in'],
  ],
  sources: ['a'],
}

test('channels have the numbers of their connection and ends, and go to the workers of the plan', () => {
  const v1 = version(1, chain)
  const made = plan(
    1,
    [v1],
    [
      ['a[0]', 1, 1],
      ['b[0]', 2, 1],
      ['b[1]', 3, 2],
      ['c[0]', 4, 2],
    ],
  )
  const assignments = assignmentsOf(made, byVersion(v1))
  assertConsistent(made, assignments)
  assert.deepEqual(channels(assignments), [
    'a[0]#1 -> b[0]#2',
    'a[0]#1 -> b[1]#3',
    'b[0]#2 -> c[0]#4',
    'b[1]#3 -> c[0]#4',
  ])
  const [first] = instanceOf(assignments, 1).outputs
  assert.deepEqual(first!.channels, [
    { channel: channelNumber(0, asInstanceId(1), asInstanceId(2)), toWorker: 1 },
    { channel: channelNumber(0, asInstanceId(1), asInstanceId(3)), toWorker: 2 },
  ])
  assert.deepEqual(
    instanceOf(assignments, 2).inputs.map(({ fromEdge }) => fromEdge),
    [true],
  )
  assert.deepEqual(
    assignments.map(({ generation, peers, workers }) => ({ generation, peers, workers })),
    [
      { generation: 1, peers: [2], workers: [1, 2] },
      { generation: 1, peers: [1], workers: [1, 2] },
    ],
  )
})

test('AS-3: what is removed drains among itself; what stays has let go of it', () => {
  const v1 = version(1, chain)
  const v2 = version(2, { components: { a: 1, c: 1 }, connections: [['a.out', 'c.in']], sources: ['a'] })
  const old = { version: asVersion(1), draining: true } as const
  const made = plan(
    2,
    [v1, v2],
    [
      ['a[0]', 1, 1, { version: asVersion(1) }],
      ['b[0]', 2, 1, old],
      ['b[1]', 3, 2, old],
      ['c[0]', 4, 2, { version: asVersion(1) }],
    ],
  )
  const assignments = assignmentsOf(made, byVersion(v1, v2))
  assertConsistent(made, assignments)
  assert.deepEqual(channels(assignments), ['a[0]#1 -> c[0]#4', 'b[0]#2 -> c[0]#4', 'b[1]#3 -> c[0]#4'])
  assert.equal(instanceOf(assignments, 2).draining, true)
  assert.deepEqual(instanceOf(assignments, 2).inputs, [])
})

test('AS-3: a chain that is removed whole drains along its own channels, which keep their numbers', () => {
  const v1 = version(1, chain)
  const v2 = version(2, { components: {}, connections: [] })
  const ids: Placed[] = [
    ['a[0]', 1, 1],
    ['b[0]', 2, 1],
    ['b[1]', 3, 2],
    ['c[0]', 4, 2],
  ]
  const before = assignmentsOf(plan(1, [v1], ids), byVersion(v1))
  const draining = ids.map(([place, id, worker]): Placed => [
    place,
    id,
    worker,
    { version: asVersion(1), draining: true },
  ])
  const after = assignmentsOf(plan(2, [v1, v2], draining), byVersion(v1, v2))
  assert.deepEqual(channels(after), channels(before))
  for (const id of [1, 2, 3, 4]) {
    assert.deepEqual(instanceOf(after, id).inputs, instanceOf(before, id).inputs)
    assert.deepEqual(instanceOf(after, id).outputs, instanceOf(before, id).outputs)
  }
})

test('AS-3: a plan numbers those connections of an older version only that what drains takes part in', () => {
  const v1 = version(1, {
    components: { a: 1, b: 1, c: 1 },
    connections: [
      ['a.out', 'b.in'],
      ['a.out', 'c.in'],
    ],
  })
  const v2 = version(2, { components: { b: 1 }, connections: [] })
  const made = plan(
    2,
    [v1, v2],
    [
      ['b[0]', 1, 1],
      ['c[0]', 2, 1, { version: asVersion(1), draining: true }],
    ],
  )
  const connections = Object.fromEntries(
    Object.entries(made.connections).filter(([key]) => key.includes('c.in')),
  )
  const assignments = assignmentsOf({ ...made, connections }, byVersion(v1, v2))
  assert.equal(instanceOf(assignments, 2).draining, true)
})

test('AS-5: what begins to drain is not connected to what has drained since before', () => {
  const v1 = version(1, { components: { a: 1, b: 2 }, connections: [['a.out', 'b.in']] })
  const since = (generation: number) => ({ draining: true, drainingSince: asGeneration(generation) })
  const made = plan(
    3,
    [v1],
    [
      ['a[0]', 1, 1, since(3)],
      ['b[0]', 2, 1, since(3)],
      ['b[1]', 3, 2, since(2)],
    ],
  )
  const assignments = assignmentsOf(made, byVersion(v1))
  assertConsistent(made, assignments)
  assert.deepEqual(channels(assignments), ['a[0]#1 -> b[0]#2'])
})

test('AS-3: what drains sends to the successors of its targets', () => {
  const v1 = version(1, chain)
  const v2 = version(2, { ...chain, components: { a: 1, b: 1, c: 1 } })
  const old = { version: asVersion(1), draining: true } as const
  const made = plan(
    2,
    [v1, v2],
    [
      ['a[0]', 1, 1],
      ['b[0]', 2, 1, old],
      ['b[1]', 3, 2, old],
      ['c[0]', 4, 2, old],
      ['b[0]', 5, 1],
      ['c[0]', 6, 2],
    ],
  )
  const assignments = assignmentsOf(made, byVersion(v1, v2))
  assertConsistent(made, assignments)
  assert.deepEqual(channels(assignments), [
    'a[0]#1 -> b[0]#5',
    'b[0]#2 -> c[0]#6',
    'b[0]#5 -> c[0]#6',
    'b[1]#3 -> c[0]#6',
  ])
})

test('AS-4: what is not placed has its place where each message belongs to one copy; else the others take over', () => {
  const hash = { from: 'a.out', to: 'b.in', selector: 'hash' } as const
  const v1 = version(1, { ...chain, connections: [hash, ['a.out', 'b.in'], ['b.out', 'c.in']] })
  const made = plan(
    1,
    [v1],
    [
      ['a[0]', 1, 1],
      ['b[1]', 3, 1],
    ],
  )
  const assignments = assignmentsOf(made, byVersion(v1))
  assertConsistent(made, assignments)
  assert.deepEqual(
    instanceOf(assignments, 1).outputs.map((output) => output.channels.map(({ toWorker }) => toWorker)),
    [[nowhere, 1], [1]],
  )
  assert.deepEqual(
    instanceOf(assignments, 3).outputs.map((output) => output.channels.map(({ toWorker }) => toWorker)),
    [[nowhere]],
  )
  assert.equal(instanceOf(assignments, 3).awaitsSources, false)
})

test('who waits for a source that is not placed is told so', () => {
  const v1 = version(1, chain)
  const made = plan(
    1,
    [v1],
    [
      ['b[0]', 2, 1],
      ['c[0]', 4, 1],
    ],
  )
  const assignments = assignmentsOf(made, byVersion(v1))
  assert.equal(instanceOf(assignments, 2).awaitsSources, true)
  assert.equal(instanceOf(assignments, 4).awaitsSources, true, 'one of two copies of b is missing')
})

test('who has lost a source that had finished does not wait for it', () => {
  const v1 = version(1, chain)
  const made = plan(
    1,
    [v1],
    [
      ['b[0]', 2, 1],
      ['b[1]', 3, 1],
      ['c[0]', 4, 2],
    ],
  )
  const done = [{ component: 'a', index: 0, version: asVersion(1) }]
  const told = (of: Plan) => {
    const assignments = assignmentsOf(of, byVersion(v1))
    return [2, 4].map((id) => {
      const { awaitsSources, hasDoneSources } = instanceOf(assignments, id)
      return [awaitsSources, hasDoneSources ?? false]
    })
  }
  assert.deepEqual(told(made), [
    [true, false],
    [false, false],
  ])
  assert.deepEqual(told({ ...made, done }), [
    [false, true],
    [false, false],
  ])
})

test('constants go to instances that stay', () => {
  const v1 = version(1, { ...chain, initial: [{ to: 'c.in', value: 7 }] })
  const old = { version: asVersion(1), draining: true } as const
  const made = plan(
    1,
    [v1],
    [
      ['c[0]', 4, 1, old],
      ['c[0]', 5, 1],
    ],
  )
  const assignments = assignmentsOf(made, byVersion(v1))
  assert.deepEqual(instanceOf(assignments, 4).initial, [])
  assert.deepEqual(
    instanceOf(assignments, 5).initial.map(({ value }) => value),
    [7],
  )
})

test('a plan whose versions or connections are not known is a fault', () => {
  const v1 = version(1, chain)
  const made = plan(1, [v1], [['a[0]', 1, 1]])
  throwsWith(() => assignmentsOf(made, new Map()), 'INTERNAL', /version 1 is not known/)
  throwsWith(() => assignmentsOf({ ...made, connections: {} }, byVersion(v1)), 'INTERNAL', /has no number/)
  const ghost = plan(1, [v1], [['ghost[0]', 1, 1]])
  throwsWith(() => assignmentsOf(ghost, byVersion(v1)), 'INTERNAL', /no component "ghost"/)
})

test('property: any two plans are consistent, and channels between what lives through keep their numbers', () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const network = (seed: number): Written => {
    const chance = seededRandom(seed)
    const used = names.filter(() => chance.int(4) > 0)
    const components = Object.fromEntries(used.map((name) => [name, 1 + chance.int(3)]))
    const selectors = ['round-robin', 'hash', 'all'] as const
    const connections = Array.from({ length: chance.int(8) }, () => ({
      from: `${used[chance.int(used.length)]}.out`,
      to: `${used[chance.int(used.length)]}.in`,
      selector: selectors[chance.int(3)]!,
    }))
    return { components, connections: used.length === 0 ? [] : connections }
  }
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.nat(), (first, second, third) => {
      const chance = seededRandom(third)
      const v1 = version(1, network(first))
      const v2 = version(2, network(second))
      let id = 0
      const copies = (written: typeof v1): Placed[] =>
        Object.entries(written.flat.components).flatMap(([name, { instances = 1 }]) =>
          Array.from({ length: instances }, (_, i): Placed => [`${name}[${i}]`, id++, 1 + chance.int(3)]),
        )
      const before = plan(1, [v1], copies(v1))
      // Components with as many copies as before stay, some of what else there was drains; what is new is placed by chance.
      const stays = (name: string): boolean =>
        v2.flat.components[name]?.instances === v1.flat.components[name]?.instances
      const old = before.instances.flatMap((it): Placed[] => {
        const place = `${it.component}[${it.index}]`
        if (stays(it.component)) return [[place, it.id, it.worker, { version: asVersion(1) }]]
        return chance.int(3) === 0
          ? []
          : [[place, it.id, it.worker, { version: asVersion(1), draining: true }]]
      })
      const fresh = copies(v2).filter(([place]) => !stays(place.split('[')[0]!) && chance.int(4) > 0)
      const after = plan(2, [v1, v2], [...old, ...fresh])
      const one = assignmentsOf(before, byVersion(v1))
      const two = assignmentsOf(after, byVersion(v1, v2))
      assertConsistent(before, one)
      assertConsistent(after, two)
      for (const it of two.flatMap(({ instances }) => instances)) {
        for (const output of it.outputs) {
          for (const { channel, toWorker } of output.channels) {
            if (toWorker === nowhere) continue
            const { connection, target } = channelParts(channel)
            assert.equal(connection, output.connection)
            assert.ok(after.instances.some((planned) => planned.id === target))
          }
        }
        const earlier = one.flatMap(({ instances }) => instances).find((was) => was.id === it.id)
        if (earlier === undefined || it.draining) continue
        assert.equal(it.component, earlier.component)
      }
      // A connection of both versions, between two that stay in both: one channel, with one number.
      const staying = new Set(after.instances.filter((it) => !it.draining).map((it) => it.id as number))
      const numbers = (of: readonly WorkerAssignment[]): number[] =>
        of
          .flatMap(({ instances }) => instances.flatMap(({ inputs }) => inputs.map(({ channel }) => channel)))
          .filter((channel) => {
            const { source, target } = channelParts(channel)
            return staying.has(source) && staying.has(target)
          })
      const kept = new Set(Object.values(after.connections))
      const inBoth = new Set(numbers(one).filter((channel) => kept.has(channelParts(channel).connection)))
      const current = new Set(numbers(two))
      const wanted = new Set(
        two.flatMap(({ instances }) =>
          instances.flatMap(({ outputs }) => outputs.map((it) => it.connection)),
        ),
      )
      for (const channel of inBoth)
        if (wanted.has(channelParts(channel).connection)) assert.ok(current.has(channel))
    }),
    { numRuns: 200 },
  )
})
