import assert from 'node:assert/strict'
import { seededRandom } from '../../../src/base/random.ts'
import type { ListedSnapshot } from '../../../src/cluster/client/snapshot-list.ts'
import { eventually } from '../../support/eventually.ts'
import type { NetworkText } from '../cluster-faults/cluster.ts'
import type { Arena, OpenArena } from './arena.ts'
import { checkState } from './checks.ts'
import { Killer, type Progress } from './killer.ts'
import { instancesOf, networkText } from './network.ts'
import { SnapshotState } from './snapshot-state.ts'

/** Lets a network run while things fail, and holds what it has at the end against a plain loop's. */

export interface KillerOrder {
  readonly open: OpenArena
  readonly faults: number
  readonly seed: number
  readonly ttlMs?: number
  readonly intervalMs?: number
  /** What is going on, for people. */
  readonly say?: (line: string) => void
}

export interface Outcome {
  readonly faults: number
  readonly counts: ReadonlyMap<string, number>
  /** Messages that the compared values stand for. */
  readonly checked: number
  /** Snapshots that recoveries went on from. */
  readonly restored: number
}

/** About what a fault takes, so that the sources have something to say until the last one. */
const faultMs = 2_000
const beginMsMax = 60_000
const endMsMax = 300_000

export async function survive({
  open,
  faults,
  seed,
  ttlMs = 2_000,
  ...order
}: KillerOrder): Promise<Outcome> {
  const arena = await open(ttlMs)
  try {
    return await new Survival(arena, seed, order.intervalMs ?? 150, order.say).run(faults)
  } finally {
    await arena.close()
  }
}

class Survival {
  private readonly arena: Arena
  private readonly killer: Killer
  private readonly intervalMs: number
  private newest: ListedSnapshot | undefined

  constructor(arena: Arena, seed: number, intervalMs: number, say: KillerOrder['say']) {
    const { cluster, faults } = arena
    this.arena = arena
    this.intervalMs = intervalMs
    this.killer = new Killer({
      cluster,
      faults,
      random: seededRandom(seed),
      progress: () => this.progress(),
      ...(say !== undefined && { say }),
    })
  }

  async run(faults: number): Promise<Outcome> {
    const { cluster } = this.arena
    const network = this.network(faults)
    // The same twice is harmless: a first answer may be late.
    await eventually('it is deployed', () => cluster.deploy(network), beginMsMax)
    await cluster.until('it runs', ({ state }) => state === 'running')
    try {
      await this.killer.rage(faults)
      await this.finishes()
      return await this.check(faults, network)
    } catch (error) {
      await this.killer.settle()
      const status = await cluster.status().catch((reason: unknown) => String(reason))
      const text = `${JSON.stringify(status, undefined, 1)}\n${cluster.troubles()}`
      throw new Error(`it did not survive:\n${text}`, { cause: error })
    }
  }

  private network(faults: number): NetworkText {
    const { hurry, noted, storage, targets, keeping } = this.arena
    const { intervalMs } = this
    return networkText({ hurry, lastsMs: faults * faultMs, intervalMs, noted, targets, storage, ...keeping })
  }

  private progress(): Progress {
    const before = this.newest
    return async () => {
      const { snapshots } = await this.arena.cluster.management.snapshots.list('net')
      const current = snapshots.find(({ isCurrent }) => isCurrent)
      this.newest = current
      return current !== undefined && current.id !== before?.id
    }
  }

  private async finishes(): Promise<void> {
    this.arena.callHurry()
    this.killer.say('nothing fails any more')
    const { cluster } = this.arena
    await eventually(
      'the network has finished',
      async () => {
        await this.killer.tend()
        const { state, error } = await cluster.status()
        assert.notEqual(state, 'failed', `it has failed: ${error?.message ?? 'no reason is known'}`)
        return state === 'finished'
      },
      endMsMax,
    )
    this.killer.say('the network has finished')
  }

  private async check(faults: number, network: NetworkText): Promise<Outcome> {
    const { cluster, noted, storage, targets } = this.arena
    // The network has finished, so no failure would go back to it: it is not the current one any more.
    const last = await eventually('there is a snapshot', async () => {
      const { snapshots } = await cluster.management.snapshots.list('net')
      return snapshots[0]
    })
    assert.equal(last.finished.length, instancesOf(network), 'everything has finished in it')
    const state = await SnapshotState.open(storage, 'net', last)
    try {
      let checked = await checkState(state, noted)
      for (const target of targets) checked += await target.check(noted)
      const restored = new Set(cluster.plans.flatMap(({ restores }) => restores?.id ?? []))
      return { faults, counts: this.killer.counts, checked, restored: restored.size }
    } finally {
      await state.close()
    }
  }
}
