import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { NetworkStatus } from '../../../src/cluster/client/status.ts'
import { type ComponentText, FaultyCluster, type NetworkText, nowMs } from './cluster.ts'
import { folderSubject, type OpenSubject } from './subjects.ts'

/** Networks are changed while they run, and components fail in every way that they can. */

/** Longer than a busy machine lets a thread wait. */
const stallMs = 10_000

describe('networks on real processes that are changed, and whose components fail', () => {
  let store: OpenSubject
  let cluster: FaultyCluster
  before(async () => {
    store = await folderSubject.open()
    cluster = await FaultyCluster.start({ storeUrl: store.url, stallMs, ttlMs: 30_000 })
    await cluster.deploy(cluster.net())
    await cluster.flows(nowMs())
    // It takes half a minute to be given up; meanwhile the others are tested beside it.
    await cluster.deploy(beside('loop', cluster.component('fragile', { every: 1 })))
  })
  after(async () => {
    await cluster?.stop()
    await store?.close()
  })

  /** A network of its own, in which a component gets ticks. */
  const beside = (name: string, component: ComponentText): NetworkText => ({
    name,
    guarantee: 'at-most-once',
    components: { beat: cluster.component('ticks', { periodMs: 50 }), victim: component },
    connections: [{ from: 'beat.out', to: 'victim.in' }],
  })

  /** Who writes into the journal as this component. */
  const livesOf = (component: string): readonly string[] =>
    [...cluster.journal.read().born.values()]
      .filter(({ name }) => name.startsWith(`${component}[`))
      .map(({ life }) => life)

  const by = { by: 'test' }

  test('a component gets more copies and fewer; the others live on', async () => {
    const sources = livesOf('tick')
    const ends = livesOf('end')
    for (const hop of [5, 2, 4]) {
      await cluster.management.scale('net', 'hop', hop, by)
      await cluster.until(`there are ${hop} copies`, running(hop + 4))
      const { instances } = await cluster.flows(nowMs(), { tick: 2, hop, end: 2 })
      assert.equal(instances.filter(({ component }) => component === 'hop').length, hop)
    }
    assert.deepEqual(livesOf('tick'), sources)
    assert.deepEqual(livesOf('end'), ends)
    cluster.checkAll({ oneEmitter: false })
  })

  test('a component is added and removed; the others live on', async () => {
    const lives = ['tick', 'hop', 'end'].flatMap(livesOf)
    const part: NetworkText = {
      name: 'net',
      components: { more: cluster.component('ends') },
      connections: [{ from: 'hop.out', to: 'more.in', selector: 'all' }],
    }
    await cluster.deploy(part)
    await cluster.until('there is one more', running(9))
    await cluster.flows(nowMs(), { tick: 2, hop: 4, end: 2 })
    const added = livesOf('more')
    assert.equal(added.length, 1)
    assert.ok(
      cluster.journal.gets.some(({ life }) => life === added[0]),
      'it gets messages',
    )
    await cluster.management.undeployPart(part, by)
    await cluster.until('there is one less', running(8))
    await cluster.flows(nowMs(), { tick: 2, hop: 4, end: 2 })
    assert.deepEqual(['tick', 'hop', 'end'].flatMap(livesOf), lives)
    cluster.checkAll({ oneEmitter: false })
  })

  test('a change that cannot be loaded is refused, and what ran runs on', async () => {
    const lives = ['tick', 'hop', 'end'].flatMap(livesOf)
    const { kind } = cluster.component('unready')
    const version = await cluster.deploy({
      name: 'net',
      components: { broken: { kind } },
      connections: [{ from: 'hop.out', to: 'broken.in' }],
    })
    const status = await cluster.until('it is refused', ({ refused }) => refused !== undefined)
    assert.equal(status.refused?.version, version)
    assert.match(status.refused?.error?.message ?? '', /it is not ready/)
    await cluster.until('the version before runs', running(8))
    await cluster.flows(nowMs(), { tick: 2, hop: 4, end: 2 })
    assert.deepEqual(['tick', 'hop', 'end'].flatMap(livesOf), lives)
    cluster.checkAll({ oneEmitter: false })
  })

  /** A network whose component fails with this code, is started again, and says so; `net` goes on meanwhile. */
  async function fails(name: string, component: ComponentText, code: string, message: RegExp): Promise<void> {
    const lives = ['tick', 'hop', 'end'].flatMap(livesOf)
    await cluster.deploy(beside(name, component))
    const status = await cluster.until(
      `"${name}" has failed twice`,
      ({ failures }) => (failures[0]?.count ?? 0) >= 2,
      name,
    )
    const [failure] = status.failures
    assert.equal(failure?.component, 'victim')
    assert.equal(failure.error.code, code)
    assert.match(failure.error.message, message)
    await cluster.management.undeploy(name)
    await cluster.until(`"${name}" has stopped`, ({ state }) => state === 'stopped', name)
    await cluster.flows(nowMs(), { tick: 2, hop: 4, end: 2 })
    assert.deepEqual(
      ['tick', 'hop', 'end'].flatMap(livesOf),
      lives,
      `another network is not touched: ${cluster.troubles()}`,
    )
  }

  test('a component that throws now and then is started again', () =>
    fails('fragile', cluster.component('fragile', { every: 10 }), 'COMPONENT_FAILED', /it broke/))

  test('a component that blocks its thread is noticed, and started again', () => {
    const { kind } = cluster.component('blocks')
    return fails('stalled', { kind }, 'COMPONENT_STALLED', /victim\[0\].* has blocked its thread/)
  })

  test('a component that ends its process ends its thread only', () => {
    const { kind } = cluster.component('exits')
    return fails('exiting', { kind }, 'COMPONENT_EXITED', /victim\[0\].* called process\.exit/)
  })

  test('a component that fails each time is given up in the end, with its error', async () => {
    const { error, failures } = await cluster.until(
      'it is given up',
      ({ state }) => state === 'failed',
      'loop',
    )
    assert.match(error?.message ?? '', /it broke/)
    assert.ok((failures[0]?.count ?? 0) >= 8, `it failed ${failures[0]?.count} times`)
    // Deployed again it is tried again.
    await cluster.deploy(beside('loop', cluster.component('ends')), 'replace')
    await cluster.until('it runs', ({ state }) => state === 'running', 'loop')
  })
})

function running(instances: number): (status: NetworkStatus) => boolean {
  return (status) =>
    status.state === 'running' &&
    status.instances.length === instances &&
    status.instances.every(({ state }) => state === 'running')
}
