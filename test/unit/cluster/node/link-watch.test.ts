import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LinkWatch, settleMsMin } from '../../../../src/cluster/node/link-watch.ts'
import {
  asGeneration,
  asNodeId,
  asWorkerNumber,
  type BrokenPair,
  brokenPairs,
  ClusterKeys,
  ClusterView,
  type LinkRecord,
  linkRecord,
  type NodeId,
  nodeRecord,
  type ReadyRecord,
  readyRecord,
} from '../../../../src/cluster/protocol/index.ts'
import { nextPlan } from '../../../../src/cluster/plan/index.ts'
import { planRecord } from '../../../../src/cluster/protocol/index.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { versionOf } from '../../../scenario/support/networks.ts'
import { nodeNamed } from '../node-record.ts'

/** What one node says of its links, as the connections tell it; and what follows from what both sides say. */

const keys = new ClusterKeys('test')
const a = asNodeId('a')
const b = asNodeId('b')
const confirmMs = 4_500
const lookMs = 100

class World {
  readonly clock = new TestClock()
  readonly view = new ClusterView(keys)
  readonly published: LinkRecord[] = []
  readonly events: string[] = []
  answers: 'answers' | 'refused' | 'unknown' = 'answers'
  probes = 0
  readonly watch: LinkWatch

  constructor() {
    this.join(a, '1')
    this.join(b, '1')
    this.watch = new LinkWatch({
      clock: this.clock,
      self: a,
      incarnation: '1',
      view: () => this.view,
      confirmMs,
      probe: async () => {
        this.probes++
        return this.answers
      },
      publish: (record) => {
        this.published.push(record)
        this.put(keys.link(a), linkRecord.encode(record))
      },
      events: {
        lost: (node) => this.events.push(`lost ${node}`),
        mended: (node) => this.events.push(`mended ${node}`),
        troubled: (what) => this.events.push(what),
      },
    })
  }

  put(key: string, value: Uint8Array): void {
    this.view.apply(key, { key, value, createRevision: 1, modRevision: 1, version: 1 })
  }

  join(id: NodeId, incarnation: string): void {
    this.put(keys.node(id), nodeRecord.encode(nodeNamed(id, { incarnation, workers: 2 })))
  }

  /** The other side's word. */
  says(by: NodeId, incarnation: string, of: NodeId): void {
    const unreached = [{ node: of, incarnation: '1', sinceMs: 0, sure: false, why: '' }]
    this.put(keys.link(by), linkRecord.encode({ incarnation, unreached }))
  }

  /** A network with a worker on `b`. */
  network(): void {
    const version = versionOf(1, ['x'])
    const plan = nextPlan({
      network: 'net',
      goal: 'run',
      version: version.version,
      fallback: undefined,
      versions: new Map([[version.version, version]]),
      nodes: [{ ...this.view.nodes.get(b)!.value, draining: false, workersOfOthers: 0 }],
      quorum: 1,
      current: undefined,
      lastOpen: undefined,
      term: 1 as never,
      finished: new Set(),
      failed: new Set(),
      lostWorkers: new Set(),
      paused: new Set(),
      failures: [],
    })!
    const net = keys.network('net')
    this.put(net.plan, planRecord.encode(plan))
    const ready: ReadyRecord = {
      node: b,
      incarnation: '1',
      generation: asGeneration(1),
      ready: [],
      finished: [],
      failed: [],
      workers: [{ worker: asWorkerNumber(0), address: { host: 'h', port: 2 } }],
    }
    this.put(net.readyAt(asGeneration(1), b), readyRecord.encode(ready))
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= lookMs) {
      this.clock.advance(Math.min(left, lookMs))
      // Probes answer in between.
      await Promise.resolve()
      this.watch.look()
    }
  }

  get unreached(): readonly string[] {
    return (this.published.at(-1)?.unreached ?? []).map(({ node, sure }) => `${node}${sure ? ' surely' : ''}`)
  }

  get broken(): readonly BrokenPair[] {
    return brokenPairs(this.view)
  }
}

describe('what a node says of its links', () => {
  test('LW-1, LW-3 a silent node is said to be unreached at once, and surely after the time of confirmation', async () => {
    const world = new World()
    await world.pass(10_000)
    assert.deepEqual(world.published, [])
    world.watch.silent(b, 'silence')
    assert.deepEqual(world.unreached, ['b'])
    assert.equal(world.broken.length, 0, 'one side alone may be wrong: the other one may be frozen')
    await world.pass(confirmMs - lookMs)
    assert.equal(world.broken.length, 0)
    await world.pass(2 * lookMs)
    assert.deepEqual(world.unreached, ['b surely'])
    assert.deepEqual(
      world.broken.map((pair) => [pair.a, pair.b, pair.why]),
      [['a', 'b', 'silence']],
    )
    assert.equal(world.published.length, 2)
  })

  test('LR-2 both sides together are believed at once', () => {
    const world = new World()
    world.watch.silent(b, 'silence')
    world.says(b, '1', a)
    assert.equal(world.broken.length, 1)
  })

  test('LR-1 what another life said, or was said of another life, counts for nothing', () => {
    const world = new World()
    world.watch.silent(b, 'silence')
    world.says(b, 'an older one', a)
    assert.equal(world.broken.length, 0)
    world.says(b, '1', a)
    world.join(b, '2')
    assert.equal(world.broken.length, 0)
    world.watch.look()
    assert.deepEqual(world.unreached, [], 'LW-4')
  })

  test('LW-2 a link that works again counts after the pause, and not after it was broken in between', async () => {
    const world = new World()
    world.watch.silent(b, 'silence')
    await world.pass(1_000)
    world.watch.heard(b)
    await world.pass(settleMsMin - 1_000)
    world.watch.broken(b)
    await world.pass(settleMsMin - lookMs)
    assert.deepEqual(world.unreached, ['b'])
    await world.pass(2 * lookMs)
    assert.deepEqual(world.unreached, [])
    assert.deepEqual(world.events, ['lost b', 'mended b'])
  })

  for (const upMs of [1_000, 7_000, 30_000])
    test(`LW-2 a link that breaks for 3 s and works for ${upMs} ms, for an hour: the record changes a few times`, async () => {
      const world = new World()
      const periodMs = upMs + 3_000
      for (let passedMs = 0; passedMs < 3_600_000; passedMs += periodMs) {
        world.watch.silent(b, 'silence')
        await world.pass(3_000)
        world.watch.heard(b)
        await world.pass(upMs)
      }
      assert.ok(world.published.length <= 14, `${world.published.length} changes`)
      // It is believed again in the end.
      await world.pass(300_000 + lookMs)
      assert.deepEqual(world.unreached, [])
    })

  test('LW-1 a worker that is not heard is busy where its port answers', async () => {
    const world = new World()
    world.network()
    world.watch.doubt('net', asWorkerNumber(0))
    await world.pass(10_000)
    assert.equal(world.probes, 1)
    assert.deepEqual(world.published, [])
  })

  for (const answers of ['refused', 'unknown'] as const)
    test(`LW-1 a worker that is not heard, and whose port is ${answers}, is not reached until it answers`, async () => {
      const world = new World()
      world.network()
      world.answers = answers
      world.watch.doubt('net', asWorkerNumber(0))
      await world.pass(1_000)
      assert.deepEqual(world.unreached, ['b'])
      await world.pass(confirmMs)
      assert.deepEqual(world.unreached, ['b surely'])
      world.answers = 'answers'
      await world.pass(settleMsMin + 2_000)
      assert.deepEqual(world.unreached, [])
      assert.ok(world.probes < 20, `${world.probes} probes`)
    })

  test('a worker that no plan has any more says nothing of its node', async () => {
    const world = new World()
    world.network()
    world.answers = 'unknown'
    world.watch.doubt('net', asWorkerNumber(0))
    await world.pass(1_000)
    assert.deepEqual(world.unreached, ['b'])
    world.view.apply(keys.network('net').plan, undefined)
    await world.pass(settleMsMin + 2 * lookMs)
    assert.deepEqual(world.unreached, [])
  })
})
