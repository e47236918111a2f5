import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { asNodeId } from '../../../src/cluster/protocol/index.ts'
import { eventually } from '../../support/eventually.ts'
import { type ComponentText, FaultyCluster, type NetworkText, settleMsMax } from './cluster.ts'
import { folderSubject, type OpenSubject } from './subjects.ts'

/** Networks on real processes that come to their end: by themselves, or because they, or parts of them, are taken away. */

const kindsUrl = new URL('ring-kinds.ts', import.meta.url).href

describe('networks on real processes that come to their end', () => {
  let store: OpenSubject
  let cluster: FaultyCluster
  let folder: string
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vertigo-ending-'))
    store = await folderSubject.open()
    cluster = await FaultyCluster.start({ storeUrl: store.url, ttlMs: 30_000 })
  })
  after(async () => {
    await cluster?.stop()
    await store?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** What the kinds have written. */
  class Lines {
    readonly path: string

    constructor(name: string) {
      this.path = join(folder, name)
    }

    of(word: string): readonly string[] {
      return this.#all
        .filter((line) => line.startsWith(`${word} `))
        .map((line) => line.slice(word.length + 1))
    }

    get #all(): readonly string[] {
      try {
        return readFileSync(this.path, 'utf8').split('\n')
      } catch {
        return []
      }
    }

    component(kind: string, given: { readonly [field: string]: number } = {}): ComponentText {
      const { instances = 1, ...config } = given
      return { kind: `${kindsUrl}#${kind}`, instances, config: { file: this.path, ...config } }
    }

    /** Two components, each with copies, that send to one another. */
    ring(
      name: string,
      begins: { readonly count?: number; readonly hops: number; readonly periodMs: number },
      pauseMs: number,
    ): NetworkText {
      return {
        name,
        guarantee: 'at-most-once',
        components: {
          begin: this.component('begins', begins),
          first: this.component('hop', { instances: 2, pauseMs }),
          second: this.component('hop', { instances: 2, pauseMs }),
          end: this.component('ends'),
        },
        connections: [
          { from: 'begin.out', to: 'first.in' },
          { from: 'first.on', to: 'second.in' },
          { from: 'second.on', to: 'first.back', back: true },
          { from: 'first.out', to: 'end.in' },
          { from: 'second.out', to: 'end.in' },
        ],
      }
    }

    /** All that these have come out once. */
    checkAllGot(ids: readonly string[]): void {
      assert.deepEqual(this.of('got').toSorted(), ids.toSorted())
    }
  }

  test('a finite cyclic network finishes, lets everything go, and can be run again', async () => {
    const lines = new Lines('finite')
    const net = lines.ring('net', { count: 50, hops: 12, periodMs: 5 }, 2)
    await cluster.deploy(net)
    const status = await cluster.until('it has finished', ({ state }) => state === 'finished')
    lines.checkAllGot(lines.of('sent'))
    assert.equal(lines.of('sent').length, 50)
    assert.equal(lines.of('hop').length, 50 * 12)
    const gone = await cluster.until('nothing is left of it', ({ instances }) => instances.length === 0)
    assert.equal(gone.state, 'finished')
    await eventually('its workers are gone', () => cluster.plans.at(-1)?.workers.length === 0)
    assert.equal(await cluster.deploy(net), status.version + 1)
    await cluster.until(
      'it has finished again',
      ({ state, version }) => state === 'finished' && version > status.version,
    )
    assert.equal(lines.of('sent').length, 100)
    lines.checkAllGot(lines.of('sent'))
  })

  test('a cycle that is removed drains, also where the manager is killed meanwhile; then all of it is undeployed', async () => {
    const lines = new Lines('removed')
    const net = lines.ring('going', { hops: 60, periodMs: 40 }, 40)
    const manager = await cluster.manager()
    // It manages, and hosts nothing that would be lost with it.
    await cluster.operation.drain(asNodeId(manager.id), 'test')
    await cluster.deploy(net)
    await eventually('messages go round', () => lines.of('hop').length > 1_000, settleMsMax)
    const { begin, end } = net.components
    const direct = { from: 'begin.out', to: 'end.in' }
    await cluster.deploy(
      { ...net, components: { begin: begin!, end: end! }, connections: [direct] },
      'replace',
    )
    await cluster.until(
      'it drains',
      ({ instances }) => instances.some(({ state }) => state === 'draining'),
      'going',
    )
    const still = lines.of('hop').length
    await manager.kill()
    await eventually('it is still going round', () => lines.of('hop').length > still, settleMsMax)
    await cluster.until(
      'the cycle is gone',
      ({ state, instances }) => state === 'running' && instances.length === 2,
      'going',
    )
    assert.notEqual((await cluster.manager()).id, manager.id)
    const wentRound = new Set(lines.of('hop'))
    assert.deepEqual(
      lines
        .of('got')
        .filter((id) => wentRound.has(id))
        .toSorted(),
      [...wentRound].toSorted(),
    )
    const got = new Set(lines.of('got'))
    const lastGot = lines.of('sent').findLastIndex((id) => got.has(id))
    assert.deepEqual(
      lines
        .of('sent')
        .slice(0, lastGot)
        .filter((id) => !got.has(id)),
      [],
      'no gap',
    )

    manager.start()
    await manager.joined()
    const again = new Lines('undeployed')
    const whole = again.ring('going', { hops: 20, periodMs: 40 }, 10)
    await cluster.deploy(whole, 'replace')
    await eventually('messages go round', () => again.of('hop').length > 300, settleMsMax)
    await cluster.management.undeploy('going')
    await cluster.until('it has stopped', ({ state }) => state === 'stopped', 'going')
    again.checkAllGot(again.of('sent'))
  })
})
