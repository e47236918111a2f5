import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { machineClock, sleep } from '../../../src/base/clock.ts'
import type { NetworkStatus } from '../../../src/cluster/client/status.ts'
import { asNodeId, asVersion } from '../../../src/cluster/protocol/index.ts'
import { FaultyCluster, nowMs } from './cluster.ts'
import type { NodeProcess } from './nodes.ts'
import { folderSubject, type OpenSubject } from './subjects.ts'

/** Nodes are killed while what they have to do for a change is half done: afterwards it is done, as if they had lived. */

/** After what was asked for: before the manager knows of it, while it plans, and while nodes prepare. */
const killAfterMs = [0, 15, 50, 150]
const few = { tick: 2, hop: 3, end: 2 }
const many = { tick: 2, hop: 5, end: 2 }

describe('nodes that are killed in the middle of a change', () => {
  let store: OpenSubject
  let cluster: FaultyCluster
  let fewVersion: number
  let manyVersion: number
  before(async () => {
    store = await folderSubject.open()
    cluster = await FaultyCluster.start({ storeUrl: store.url })
  })
  after(async () => {
    await cluster?.stop()
    await store?.close()
  })
  beforeEach(async () => {
    fewVersion = await cluster.deploy(cluster.net(few), 'replace', { anew: true })
    manyVersion = await cluster.deploy(cluster.net(many), 'replace', { anew: true })
    await cluster.flows(nowMs(), many)
  })

  /** The victim is killed so long after the change was asked for, and is started again when what has to be so is so. */
  async function killedIn(
    change: () => Promise<unknown>,
    victim: NodeProcess,
    afterMs: number,
    becomesSo: (sinceMs: number) => Promise<unknown>,
  ): Promise<void> {
    await change()
    const sinceMs = nowMs()
    await sleep(machineClock, afterMs)
    await victim.kill()
    try {
      await becomesSo(sinceMs)
    } finally {
      victim.start()
      await victim.joined()
    }
  }

  test('rollback: the version that was asked for runs, whoever of the nodes is killed', async () => {
    for (const [round, afterMs] of killAfterMs.entries()) {
      const [version, copies] = round % 2 === 0 ? [fewVersion, few] : [manyVersion, many]
      await killedIn(
        () => cluster.management.rollback('net', asVersion(version), { by: 'test' }),
        round < 3 ? await cluster.manager() : await cluster.hosting(),
        afterMs,
        async (sinceMs) => {
          const all = copies.tick + copies.hop + copies.end
          const isSo = ({ state, instances }: NetworkStatus): boolean =>
            state === 'running' && instances.length === all
          await cluster.until(`there are ${all} instances`, isSo)
          await cluster.flows(sinceMs, copies)
        },
      )
      await cluster.confess(copies)
    }
    cluster.checkAll({ oneEmitter: false, drains: true })
  })

  test('undeploy: everything ends, and nothing is emitted any more', async () => {
    for (const [round, afterMs] of killAfterMs.entries()) {
      await killedIn(
        () => cluster.management.undeploy('net'),
        round % 2 === 0 ? await cluster.manager() : await cluster.hosting(),
        afterMs,
        async () => {
          await cluster.until('it has stopped', ({ state }) => state === 'stopped')
          const stoppedMs = nowMs()
          const { emits } = cluster.journal.read()
          assert.deepEqual(
            emits.filter(({ tMs }) => tMs > stoppedMs),
            [],
          )
        },
      )
      await cluster.deploy(cluster.net(many), 'replace', { anew: true })
      await cluster.flows(nowMs(), many)
    }
    cluster.checkAll({ oneEmitter: false, drains: true })
  })

  test('drain: the node is empty in the end, also when it or the manager was killed', async () => {
    for (const [round, afterMs] of killAfterMs.entries()) {
      const drained = await cluster.hosting()
      const id = asNodeId(drained.id)
      await killedIn(
        () => cluster.operation.drain(id, 'test'),
        round % 2 === 0 ? await cluster.manager() : drained,
        afterMs,
        (sinceMs) => cluster.flows(sinceMs, many),
      )
      await cluster.until(
        'the node is empty',
        ({ state, instances }) => state === 'running' && instances.every(({ node }) => node !== drained.id),
      )
      await cluster.operation.undrain(id)
      await cluster.confess(many)
    }
    cluster.checkAll({ oneEmitter: false, drains: true })
  })
})
