import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  decide,
  type Decision,
  defaultRestartPolicy,
  type NetworkFacts,
} from '../../../../src/cluster/control/index.ts'
import type { FlatNetwork } from '../../../../src/model/flatten.ts'
import {
  type AbortedSnapshot,
  asTerm,
  asVersion,
  type NetworkVersion,
  type SnapshotRecord,
  wantedNow,
} from '../../../../src/cluster/protocol/index.ts'
import { ManagedWorld } from '../../../scenario/support/managed-world.ts'

/** What is decided for a network with snapshots (DE-8), in the order in which faults had it wrong once. */

class Managed extends ManagedWorld {
  committed: SnapshotRecord | undefined
  aborted: AbortedSnapshot | undefined
  isPlaceless = false
  /** As a client writes it where it deploys what is undeployed. */
  begunWith: NetworkVersion | undefined

  deploy(...lines: readonly string[]): void {
    this.deployAs({ guarantee: 'exactly-once' }, ...lines)
  }

  deployAs(says: Partial<FlatNetwork>, ...lines: readonly string[]): void {
    void this.commands['deploy']!([], lines)
    const record = this.versions.get(this.version)!
    this.versions.set(this.version, { ...record, flat: { ...record.flat, ...says } })
  }

  tell(command: string, ...words: readonly string[]): void {
    void { ...this.commands, ...this.agentCommands }[command]!(words, [])
  }

  /** Decides and carries out, until it waits. */
  run(): Extract<Decision, { type: 'wait' }> {
    for (let steps = 0; steps < 50; steps++) {
      const decision = decide(this.now)
      if (decision.type === 'wait') return decision
      this.carryOut(decision)
    }
    throw new Error('no end')
  }

  /** What is over has nothing to go back to: as the shell does it. */
  override carryOut(decision: Decision): void {
    super.carryOut(decision)
    const { state } = (decision.type === 'outcome' && decision.outcome) || {}
    if (state === 'stopped' || state === 'finished') this.committed = undefined
  }

  commit(finished: readonly string[] = []): void {
    const id = (this.committed?.id ?? 0) + 1
    this.committed = {
      id,
      incarnation: 3,
      generation: this.plan!.generation,
      version: this.plan!.version,
      predecessor: this.committed?.id ?? null,
      committedAtMs: 0,
      tookMs: 1,
      bytes: 0,
      manifest: { name: `net/3/${id}/manifest`, bytes: 1, checksum: 1 },
      finished: this.plan!.instances.filter(({ component }) => finished.includes(component)),
      hasChannelState: false,
      isLast: false,
      names: [],
    }
  }

  private get now(): NetworkFacts {
    const facts = this.facts({ term: asTerm(1), restarts: defaultRestartPolicy })
    const { committed, aborted, isPlaceless, begunWith } = this
    const desired = { ...facts.desired, ...(begunWith && { begunWith }) }
    return { ...facts, desired, isPlaceless, snapshots: { committed, aborted } }
  }
}

function running(...lines: readonly string[]): Managed {
  const world = new Managed()
  world.tell('node', 'n1', 'label=zone:a')
  world.tell('node', 'n2')
  world.deploy(...lines)
  world.run()
  world.tell('ready')
  world.run()
  assert.equal(world.open?.generation, world.plan!.generation)
  return world
}

const words = ['lines source', 'print', 'lines -> print']

/** It has taken its last snapshot, and its output has readers. */
function stopping(): Managed {
  const world = running(...words)
  const record = world.versions.get(world.version)!
  const { components } = record.flat
  const output = { ...components['print']!, kind: 'client-output', config: { committed: true } }
  const flat = { ...record.flat, snapshot: { readersMs: 700 }, components: { ...components, print: output } }
  world.versions.set(world.version, { ...record, flat })
  world.goal = 'stop'
  world.nowMs = 1_000_000
  assert.equal(world.run().what, 'the last snapshot')
  world.commit()
  world.committed = { ...world.committed!, isLast: true, committedAtMs: world.nowMs }
  return world
}

describe('what is decided for a network with snapshots', () => {
  it('DE-4: it is refused where its snapshots have no place, and what keeps nothing is not', () => {
    const outcomeOf = (says: Partial<FlatNetwork>): string | undefined => {
      const world = new Managed()
      world.isPlaceless = true
      world.tell('node', 'n1')
      world.deployAs(says, 'lines source', 'print', 'lines -> print')
      world.run()
      const { state, error } = world.outcome ?? {}
      return state && `${state} ${error?.code}: ${error?.remedy}`
    }
    const refused = outcomeOf({ guarantee: 'exactly-once' })
    assert.match(
      refused ?? '',
      /^refused SNAPSHOT_STORAGE_UNSET: .*--snapshots <address>.*guarantee: at-most-once/,
    )
    assert.equal(outcomeOf({ guarantee: undefined }), refused)
    assert.equal(outcomeOf({ guarantee: 'at-least-once' }), refused)
    assert.equal(outcomeOf({ guarantee: 'at-most-once' }), undefined)
    assert.equal(outcomeOf({ snapshot: { storage: 'file:///shared' } }), undefined)
  })

  it('DE-2: it is not open while a copy waits, for that would have no part in the next snapshot', () => {
    const world = running('lines source x2', 'print', 'lines -> print')
    world.commit()
    for (let failures = 0; failures < 2; failures++) {
      world.tell('failed', 'lines[1]', 'COMPONENT_FAILED', 'by chance')
      world.run()
      if (world.plan!.waiting.length > 0) break
      world.tell('ready')
      world.run()
    }
    assert.deepEqual(
      world.plan!.waiting.map(({ component, index }) => `${component}[${index}]`),
      ['lines[1]'],
    )
    world.tell('ready')
    const { untilMs } = world.run()
    assert.equal(world.open, undefined)
    world.nowMs = untilMs!
    world.run()
    world.tell('ready')
    world.run()
    assert.equal(world.open!.generation, world.plan!.generation)
    assert.equal(world.plan!.instances.length, 3)
  })

  it('SN-6: it has finished where all that is left of it by the last snapshot is done', () => {
    const world = running('lines source', 'print', 'lines -> print')
    world.tell('finished', 'lines[0]', 'print[0]')
    world.commit(['lines', 'print'])
    // The node is gone before anybody has said that it has finished.
    for (const node of world.nodes.keys()) world.tell('lose', node)
    world.tell('node', 'n3')
    world.run()
    assert.deepEqual(world.plan!.instances, [])
    assert.equal(world.outcome?.state, 'finished')
  })

  it('DE-8: it stops when readers of its exported outputs have what is committed, or their time is over', () => {
    const taken = stopping()
    const { what, untilMs } = taken.run()
    assert.match(what, /^readers of exported outputs/)
    assert.equal(untilMs, taken.nowMs + 700 + 2_000)
    assert.equal(taken.plan!.instances.length, 2)
    taken.tell('finished', 'lines[0]')
    assert.match(taken.run().what, /^readers of exported outputs/)
    taken.tell('finished', 'print[0]')
    taken.run()
    assert.deepEqual(taken.plan!.instances, [])
    assert.equal(taken.outcome?.state, 'stopped')

    // The node is of a version that says nothing of them.
    const late = stopping()
    late.run()
    late.nowMs += 2_700
    late.run()
    assert.deepEqual(late.plan!.instances, [])
    assert.equal(late.outcome?.state, 'stopped')

    // Nobody can give it to them any more.
    const lost = stopping()
    lost.tell('lose', ...lost.nodes.keys())
    lost.run()
    assert.equal(lost.outcome?.state, 'stopped')
  })

  it('notes since when a copy waits, whatever is planned meanwhile, and anew once it has had a place', () => {
    const world = running('lines source label=zone:a', 'print', 'lines -> print')
    const since = (): readonly (number | undefined)[] => world.plan!.waiting.map(({ sinceMs }) => sinceMs)
    world.nowMs = 1_000
    const host = world.plan!.workers.find(({ worker }) =>
      world.plan!.instances.some((one) => one.component === 'lines' && one.worker === worker),
    )!.node
    world.tell('lose', host)
    world.run()
    assert.deepEqual(since(), [1_000])
    world.nowMs = 2_000
    world.tell('node', 'n3')
    world.deploy('lines source label=zone:a', 'print x2', 'lines -> print')
    world.run()
    assert.deepEqual(since(), [1_000])
    world.tell('node', host, 'label=zone:a')
    world.run()
    assert.deepEqual(since(), [])
    world.nowMs = 3_000
    world.tell('lose', host)
    world.run()
    assert.deepEqual(since(), [3_000])
  })

  it('DE-9: what is deployed again while readers are waited for begins afresh when they have all', () => {
    const world = stopping()
    world.deploy(...words)
    world.begunWith = world.version
    assert.match(world.run().what, /^readers of exported outputs/)
    assert.equal(world.plan!.version, 1)
    world.tell('finished', 'print[0]')
    world.run()
    assert.equal(world.outcome?.state, 'stopped')
    assert.equal(world.outcome.version, 1)
    assert.equal(world.plan!.version, 2)
    assert.ok(!('restores' in world.plan!))
    world.tell('ready')
    world.run()
    assert.equal(world.open?.generation, world.plan!.generation)
    assert.deepEqual([world.outcome.state, world.outcome.version], ['running', 2])
    // From then on it goes on as any other.
    world.commit()
    world.deploy(...words)
    world.run()
    assert.deepEqual([world.plan!.version, world.plan!.restores?.id], [3, 1])
  })

  it('DE-9: what is deployed again before the last snapshot is taken waits for that, in each further version', () => {
    const world = running(...words)
    world.commit()
    for (let version = 2; version <= 3; version++) {
      world.deploy(...words)
      world.begunWith ??= world.version
      assert.equal(world.run().what, 'the last snapshot')
    }
    world.commit()
    world.committed = { ...world.committed!, isLast: true, committedAtMs: world.nowMs }
    world.run()
    assert.deepEqual([world.plan!.version, world.plan!.restores], [3, undefined])
    assert.deepEqual([world.outcome?.state, world.outcome?.version], ['stopped', 1])
  })

  it('DE-9: an older end is not that of what runs now', () => {
    const desired = { version: asVersion(3), goal: 'run', changedAtMs: 0, begunWith: asVersion(3) } as const
    const world = running(...words)
    const facts = { desired, plan: { ...world.plan!, version: asVersion(2) } }
    const versions = new Map([[asVersion(2), world.versions.get(asVersion(1))!]])
    const goalAfter = (version: number): string => {
      const outcome = { ...world.outcome!, state: 'finished', version: asVersion(version) } as const
      return wantedNow({ ...facts, versions, outcome }).goal
    }
    assert.deepEqual([goalAfter(1), goalAfter(2)], ['stop', 'run'])
  })

  it('DE-9: what is refused after an undeployment is not stopped once more', () => {
    const world = stopping()
    world.isPlaceless = true
    world.deploy(...words)
    world.begunWith = world.version
    world.tell('finished', 'print[0]')
    world.run()
    assert.deepEqual([world.outcome?.state, world.outcome?.version], ['refused', 2])
    assert.deepEqual(world.plan!.instances, [])
  })

  it('DE-8: where it stops without a last snapshot, it says so, and from which one it could go on', () => {
    const stopped = (before?: (world: Managed) => void): Managed => {
      const world = running('lines source', 'print', 'lines -> print')
      before?.(world)
      world.goal = 'stop'
      if (world.run().what === 'the last snapshot') {
        const { generation } = world.plan!
        const [code, reason] = ['SNAPSHOT_STORAGE_FULL', 'There is no room.']
        world.aborted = { id: 7, generation, atMs: 1, isLast: true, code, reason }
        world.run()
      }
      assert.equal(world.outcome?.state, 'stopped')
      return world
    }
    const none = stopped().outcome!.error!
    assert.equal(none.code, 'SNAPSHOT_LAST_MISSING')
    assert.match(none.message, /before it had a snapshot \(SNAPSHOT_STORAGE_FULL: There is no room\)\.$/)
    const older = stopped((world) => world.commit()).outcome!.error!
    assert.match(older.message, /SNAPSHOT_STORAGE_FULL.* The newest is 1, of 1970-01-01T00:00:00\.000Z\.$/)
    assert.match(older.remedy!, /--from-snapshot/)
    // What had finished has lost nothing.
    const finished = stopped((world) => {
      world.tell('finished', 'lines[0]', 'print[0]')
      world.commit(['lines', 'print'])
      world.run()
      assert.equal(world.outcome?.state, 'finished')
    })
    assert.equal(finished.outcome?.error, undefined)
  })

  it('DE-8: one that has its last snapshot, or never sent anything, stops without a word', () => {
    const whole = running('lines source', 'print', 'lines -> print')
    whole.goal = 'stop'
    whole.run()
    whole.commit()
    whole.committed = { ...whole.committed!, isLast: true }
    whole.run()
    assert.deepEqual([whole.outcome?.state, whole.outcome?.error], ['stopped', undefined])
    const early = new Managed()
    early.tell('node', 'n1')
    early.deploy('lines source', 'print', 'lines -> print')
    early.run()
    early.goal = 'stop'
    early.run()
    assert.deepEqual([early.outcome?.state, early.outcome?.error], ['stopped', undefined])
  })
})
