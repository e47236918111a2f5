import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assignmentsOf } from '../../../../src/cluster/agent/assignments.ts'
import { channelNumber } from '../../../../src/cluster/protocol/channels.ts'
import { asGeneration, asInstanceId, asVersion } from '../../../../src/cluster/protocol/numbers.ts'
import { byVersion, plan, type Placed, version, type Written } from './plans.ts'

const number = (connection: number, from: number, to: number): number =>
  channelNumber(connection, asInstanceId(from), asInstanceId(to))

const ring: Written = {
  components: { s: 1, a: 2, b: 1, z: 1 },
  connections: [
    ['s.out', 'a.in'],
    ['a.out', 'b.in'],
    { from: 'b.back', to: 'a.in', back: true },
    ['b.out', 'z.in'],
  ],
  sources: ['s'],
}

test('instances of which each is reached from each other are a cycle, to each worker with a part in it', () => {
  const v1 = version(1, ring)
  const placed: Placed[] = [
    ['s[0]', 1, 1],
    ['a[0]', 2, 2],
    ['a[1]', 3, 4],
    ['b[0]', 4, 2],
    ['z[0]', 5, 5],
  ]
  const assignments = assignmentsOf(plan(1, [v1], placed), byVersion(v1))
  const common = { cycle: 2, workers: [2, 4] }
  assert.deepEqual(
    assignments.map(({ worker, cycles }) => [worker, cycles]),
    [
      [1, undefined],
      [
        2,
        [
          {
            ...common,
            instances: [2, 4],
            inputs: [number(1, 2, 4), number(1, 3, 4), number(2, 4, 2)],
            outputs: [number(1, 2, 4), number(2, 4, 2), number(2, 4, 3)],
          },
        ],
      ],
      [
        4,
        [
          {
            ...common,
            instances: [3],
            inputs: [number(2, 4, 3)],
            outputs: [number(1, 3, 4)],
          },
        ],
      ],
      [5, undefined],
    ],
  )
})

test('a copy that is not placed is in no cycle, and who sends to itself is one alone, also while it drains', () => {
  const v1 = version(1, ring)
  const alone = assignmentsOf(
    plan(
      1,
      [v1],
      [
        ['a[0]', 2, 2],
        ['a[1]', 3, 3],
      ],
    ),
    byVersion(v1),
  )
  assert.deepEqual(
    alone.map(({ cycles }) => cycles),
    [undefined, undefined],
  )
  const own = version(1, { components: { a: 1 }, connections: [{ from: 'a.out', to: 'a.in', back: true }] })
  const none = version(2, { components: {}, connections: [] })
  const drains = { version: asVersion(1), draining: true, drainingSince: asGeneration(2) }
  for (const [generation, versions, special] of [
    [1, [own], {}],
    [2, [own, none], drains],
  ] as const) {
    const [only] = assignmentsOf(
      plan(generation, versions, [['a[0]', 1, 1, special]]),
      byVersion(...versions),
    )
    const channel = number(0, 1, 1)
    assert.deepEqual(only!.cycles, [
      { cycle: 1, workers: [1], instances: [1], inputs: [channel], outputs: [channel] },
    ])
  }
})
