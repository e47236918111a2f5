import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sleep, systemClock } from '../../../src/base/clock.ts'
import { eventually } from '../../support/eventually.ts'
import { FaultyCluster, nowMs, settleMsMax } from './cluster.ts'
import { etcdSubject, type OpenSubject, rounds } from './subjects.ts'

/** Members of the store come and go under a cluster that runs. */
describe('a cluster whose members of etcd fail', { skip: etcdSubject.skip }, () => {
  let store: OpenSubject
  let cluster: FaultyCluster
  before(async () => {
    store = await etcdSubject.open()
    cluster = await FaultyCluster.start({ storeUrl: store.url })
    const sinceMs = nowMs()
    await cluster.deploy(cluster.net())
    await cluster.flows(sinceMs)
  })
  after(async () => {
    await cluster?.stop()
    await store?.close()
  })

  test('the leader of the store is killed while a node is, and the cluster goes on', async () => {
    const etcd = store.etcd!
    for (let round = 0; round < rounds(2); round++) {
      const leader = await etcd.leader()
      const victim = round % 2 === 0 ? await cluster.hosting() : await cluster.manager()
      const sinceMs = nowMs()
      await Promise.all([leader.kill(), victim.kill()])
      await cluster.flows(sinceMs)
      victim.start()
      await victim.joined()
      leader.start()
      await etcd.whole()
    }
    cluster.checkAll()
  })

  test('the leader of the store stands still for longer than an election, and the network does not notice', async () => {
    const etcd = store.etcd!
    const leader = await etcd.leader()
    const sinceMs = nowMs()
    leader.pause()
    try {
      await cluster.flows(sinceMs)
      await sleep(systemClock, 1_000)
      await cluster.flows(nowMs())
    } finally {
      leader.resume()
    }
    await etcd.whole()
    await cluster.flows(nowMs())
    cluster.checkAll()
  })

  test('without the store the nodes fence themselves, and all resumes when it is back', async () => {
    const { members } = store.etcd!
    // A node may have lost its lease before, on a machine that is busy, and comes again.
    await eventually(
      'all nodes are there',
      () => cluster.nodes.every((node) => node.of('joined').length > node.of('fenced').length),
      settleMsMax,
    )
    const before = cluster.nodes.map((node) => node.of('fenced').length)
    await Promise.all(members.map((member) => member.kill()))
    await eventually(
      'all nodes fence themselves',
      () => cluster.nodes.every((node, at) => node.of('fenced').length > before[at]!),
      settleMsMax,
    )
    const fencedMs = nowMs()
    await sleep(systemClock, 500)
    const { emits } = cluster.journal.read()
    assert.deepEqual(
      emits.filter(({ tMs }) => tMs > fencedMs + 250),
      [],
      'nothing is emitted',
    )
    for (const member of members) member.start()
    await store.etcd!.whole()
    const sinceMs = nowMs()
    await cluster.flows(sinceMs)
    cluster.checkAll()
  })
})
