import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import { wantedRecord } from '../../../../src/cluster/protocol/index.ts'
import { allNames } from '../../../../src/snapshot/storage/checked-storage.ts'
import { getManifest } from '../../../../src/snapshot/stored-manifest.ts'
import { isUnchanged, put, remove } from '../../../../src/store/operations.ts'
import { isNew, network, staged } from './snapshot-stage.ts'

describe('snapshots of a managed network', () => {
  it('are committed one after the other, with manifests, and no more are kept than are to be', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source', 'b', 'a -> b'], { keep: 2 })
      await stage.ready(isNew())
      let id = 0
      for (let count = 0; count < 4; count++) id = await stage.committed(id)
      const { snapshots } = await stage.read()
      assert.ok(snapshots.kept.size <= 2)
      const { manifest, incarnation, generation } = snapshots.committed!.value
      const read = await getManifest(stage.storage, manifest, { network: 'net', incarnation })
      assert.deepEqual(read.instances.map(({ component }) => component).toSorted(), ['a', 'b'])
      assert.equal(read.generation, generation)
      assert.deepEqual(
        stage.begun,
        stage.begun.toSorted((a, b) => a - b),
      )
      assert.deepEqual(stage.troubles, [])
    }))

  it('are what the next generation goes on from when an instance has failed', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source', 'b', 'a -> b'])
      const first = await stage.ready(isNew())
      assert.equal(first.restores, undefined)
      await stage.committed()
      await stage.ready(isNew(), { failed: 'b' })
      const next = await stage.ready(isNew(first.generation))
      const { snapshots } = await stage.read()
      assert.equal(next.restores?.id, [...snapshots.kept.values()].at(-1)!.value.id)
      const before = new Set(first.instances.map((one) => one.id))
      assert.ok(next.instances.every((one) => !before.has(one.id)))
      const id = await stage.committed(next.restores.id)
      assert.equal((await stage.read()).snapshots.committed!.value.predecessor, next.restores.id)
      assert.ok(id > next.restores.id)
    }))

  it('are neither replaced nor gone on without where the record of the last one is damaged', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source', 'b', 'a -> b'])
      const { generation } = await stage.ready(isNew())
      await stage.committed()
      const key = network.snapshots.committed
      stage.isSound = false
      const [whole, damaged] = await stage.until('nothing is committed while it is damaged', async () => {
        const { entry } = await stage.store.get(key)
        const content = entry!.value.subarray(0, -3)
        const compare = [isUnchanged(key, entry)]
        const { succeeded } = await stage.store.transact({ compare, then: [put(key, content)] })
        return succeeded ? [entry!.value, content] : undefined
      })
      await stage.ready(isNew(), { failed: 'b' })
      const told = (): number => stage.codes.filter((code) => code === 'SNAPSHOT_RECORD_DAMAGED').length
      // Once more after it was to go on without the instance that has failed.
      const before = told()
      await stage.until('it is told', async () => told() > before + 2 || undefined)
      assert.equal((await stage.read()).plan?.value.generation, generation)
      assert.deepEqual((await stage.store.get(key)).entry?.value, damaged)

      await stage.store.transact({ then: [put(key, whole)] })
      stage.isSound = true
      const next = await stage.ready(isNew(generation))
      assert.equal(next.restores?.id, (await stage.read()).snapshots.committed!.value.id)
    }))

  it('DS-2: go on, and are gone on from, where the record of an older one is damaged', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source', 'b', 'a -> b'])
      const { generation } = await stage.ready(isNew())
      const id = await stage.committed()
      stage.isSound = false
      const { incarnation } = (await stage.read()).snapshots.committed!.value
      const key = network.snapshots.keptAt(incarnation, 0)
      await stage.store.transact({ then: [put(key, Buffer.from('damaged'))] })
      const next = await stage.committed(await stage.committed(id))
      await stage.ready(isNew(), { failed: 'b' })
      const { restores } = await stage.ready(isNew(generation))
      assert.ok(restores!.id >= next)
      assert.ok((await stage.store.get(key)).entry !== undefined, 'it is not let go of unseen')
      assert.deepEqual(stage.codes, [])
      stage.isSound = true
      await stage.store.transact({ then: [remove(key)] })
    }))

  it('go on under another manager, with ids that nobody had (SN-1)', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source'])
      await stage.ready(isNew())
      const id = await stage.committed()
      await stage.manage()
      const next = await stage.committed(Math.max(id, ...stage.begun))
      assert.ok(next > 128, `${next} is of another block`)
    }))

  it('SM-3: have no files in their manifests as long as a node is a member that does not know such', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source'], { inlineBytesMax: 700 })
      await stage.ready(isNew())
      await stage.committed()
      assert.deepEqual(new Set(stage.inlines), new Set([700]))
      await stage.join({ min: 1, max: 1 })
      await stage.until('another is a member', async () => stage.inlines.includes(0) || undefined)
      stage.inlines.length = 0
      await stage.committed((await stage.read()).snapshots.committed!.value.id)
      assert.deepEqual(new Set(stage.inlines), new Set([0]))
      await stage.join()
      await stage.until('they know it again', async () => stage.inlines.includes(700) || undefined)
    }))

  it('SL-4: are whole, once, where the storage has nothing of what was there', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source'])
      stage.place = { isNew: true, isStill: true }
      await stage.ready(isNew())
      const id = await stage.committed()
      assert.deepEqual([stage.wholes, stage.codes], [[], []])
      stage.place = { isNew: true, isStill: true }
      const whole = await stage.until('a whole one', async () => stage.wholes[0])
      await stage.committed(whole)
      assert.ok(whole > id)
      assert.deepEqual([stage.wholes, stage.codes], [[whole], ['SNAPSHOT_STORAGE_LOST']])
    }))

  it('SL-4: come to nothing where the storage has changed before they are committed, and the next one is whole', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source'])
      await stage.ready(isNew())
      await stage.committed()
      stage.place = { isNew: false, isStill: false }
      await stage.until('it is told', async () => stage.codes.includes('SNAPSHOT_STORAGE_LOST') || undefined)
      const last = (await stage.read()).snapshots.committed!.value.id
      stage.place = { isNew: false, isStill: true }
      const [whole = 0] = await stage.until('a whole one', async () =>
        stage.wholes.length > 0 ? stage.wholes : undefined,
      )
      assert.ok(whole > last)
      await stage.committed(whole - 1)
    }))

  it('SL-4: go on with what has finished and runs no more where its files are there, and write nothing where they are gone', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source', 'c source', 'b', 'a -> b', 'c -> b'])
      const name = 'net/000000000001/000999999999/a-0.1-0.full'
      const stored = await stage.storage.put(name, Buffer.from('state'))
      stage.finishedFiles.push({ name, kind: 'full', until: 999_999_999, ...stored })
      stage.finished.add('a')
      const { generation } = await stage.ready(isNew(), { finished: 'a' })
      await stage.committed()
      await stage.ready(isNew(), { failed: 'b', finished: 'a' })
      const { done } = await stage.ready(isNew(generation))
      assert.deepEqual(
        done.map(({ component }) => component),
        ['a'],
      )
      stage.place = { isNew: true, isStill: true }
      const whole = await stage.until('a whole one', async () => stage.wholes[0])
      await stage.committed(whole)
      assert.deepEqual(stage.codes, ['SNAPSHOT_STORAGE_LOST'])
      const { manifest } = (await stage.read()).snapshots.committed!.value
      const { instances } = await getManifest(stage.storage, manifest, { network: 'net' })
      assert.deepEqual(instances.find(({ component }) => component === 'a')?.files, stage.finishedFiles)

      await stage.storage.delete([name])
      stage.wholes.length = 0
      stage.place = { isNew: true, isStill: true }
      const failed = async () => (await stage.read()).snapshots.aborted?.value
      const { times = 0 } = await stage.until('it is told', async () => {
        const found = await failed()
        return found?.code === 'SNAPSHOT_FILE_MISSING' ? found : undefined
      })
      await stage.until(
        'it is looked again',
        async () => ((await failed())?.times ?? 0) > times + 2 || undefined,
      )
      assert.deepEqual(stage.wholes, [])
    }))

  it('SL-4: are whole under a manager that does not find the manifest of the last one', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source'])
      await stage.ready(isNew())
      await stage.committed()
      const manifests: string[] = []
      for await (const name of allNames(stage.storage, '')) manifests.push(name)
      await stage.manage()
      await stage.storage.delete(manifests)
      const [whole = 0] = await stage.until('a whole one', async () =>
        stage.wholes.length > 0 ? stage.wholes : undefined,
      )
      await stage.committed(whole - 1)
      assert.ok(stage.codes.includes('SNAPSHOT_STORAGE_LOST'))
    }))

  it('are kept under a name when one is wanted', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source'], { intervalMs: 3_600_000 })
      await stage.ready(isNew())
      const wanted = wantedRecord.encode({ by: 'me', atMs: 0 })
      await stage.store.transact({ then: [put(network.snapshots.wantedAs('before upgrade'), wanted)] })
      await stage.committed()
      const { snapshots } = await stage.read()
      assert.deepEqual([snapshots.committed!.value.names, snapshots.wanted.size], [['before upgrade'], 0])
    }))

  it('are aborted, with the reason, where an instance is late, and tried again', () =>
    staged(async (stage) => {
      stage.late.add('a')
      await stage.deploy(1, ['a source'], { timeoutMs: 150 })
      await stage.ready(isNew())
      const aborted = await stage.until('an abort', async () => (await stage.read()).snapshots.aborted?.value)
      assert.equal(aborted.code, 'SNAPSHOT_TIMED_OUT')
      assert.match(aborted.reason, /a\[0\] had not given its part/)
      const told = stage.codes.indexOf('SNAPSHOT_LATE')
      assert.match(stage.troubles[told] ?? '', /^snapshot \d+ of "net": .* at a\[0\]: what it has at work/)
      const again = await stage.until('more of them', async () => {
        const { aborted: last } = (await stage.read()).snapshots
        return (last?.value.times ?? 0) >= 3 ? last?.value : undefined
      })
      assert.equal(stage.codes.filter((code) => code === 'SNAPSHOT_LATE').length, 1)
      stage.late.clear()
      await stage.committed(again.id)
    }))

  it('let barriers overtake when the network says, and never in the last one (SN-8)', () =>
    staged(async (stage) => {
      const waitsOf = async (version: number, snapshot: object): Promise<readonly (number | null)[]> => {
        await stage.deploy(version, ['a source'], { intervalMs: 3_600_000, ...snapshot })
        await stage.ready((plan) => plan.version === version && plan.instances.length > 0)
        stage.waits.length = 0
        const wanted = wantedRecord.encode({ by: 'me', atMs: 0 })
        await stage.store.transact({ then: [put(network.snapshots.wantedAs(`of ${version}`), wanted)] })
        await stage.until('it to be taken', async () => {
          const { snapshots } = await stage.read()
          return snapshots.wanted.size === 0 ? snapshots : undefined
        })
        const during = [...stage.waits]
        await stage.stop(version)
        await stage.until('it to have stopped', async () => {
          const { outcome } = await stage.read()
          return outcome?.value.state === 'stopped' && outcome.value.version === version ? outcome : undefined
        })
        return [...new Set(during), stage.waits.at(-1)!]
      }
      assert.deepEqual(await waitsOf(1, {}), [1_000, null])
      assert.deepEqual(await waitsOf(2, { alignMsMax: 250 }), [250, null])
      assert.deepEqual(await waitsOf(3, { alignMsMax: 0 }), [0, null])
      // Else a full sink, which takes messages again when a snapshot is late, would have it given up first, each time.
      assert.deepEqual(await waitsOf(4, { alignMsMax: 60_000, timeoutMs: 30_000 }), [15_000, null])
    }))

  it('are aborted where the storage takes none', () =>
    staged(async (stage) => {
      stage.failing = new Error('no room')
      await stage.deploy(1, ['a source'])
      await stage.ready(isNew())
      const aborted = await stage.until('an abort', async () => (await stage.read()).snapshots.aborted?.value)
      assert.equal(aborted.reason, 'no room')
      stage.failing = undefined
      await stage.committed(aborted.id)
    }))

  it('are told once to come to nothing, and once to go on, also where the store is slower than they are', () =>
    staged(async (stage) => {
      stage.failing = new Error('no room')
      const slow = Promise.withResolvers<void>()
      stage.slow = slow.promise
      await stage.deploy(1, ['a source'])
      await stage.ready(isNew())
      await stage.until('several have come to nothing', async () => stage.begun.length > 4 || undefined)
      slow.resolve()
      const aborted = await stage.until('the last is told', async () => {
        const { aborted: told } = (await stage.read()).snapshots
        return told !== undefined && (told.value.times ?? 0) > 4 ? told.value : undefined
      })
      stage.failing = undefined
      await stage.committed(aborted.id)
      await stage.committed(await stage.committed())
      const told = stage.decided.filter((kind) => kind.startsWith('snapshots-'))
      assert.deepEqual(told, ['snapshots-failing', 'snapshots-mended'])
    }))

  it('end a network that is to stop with a last one, and so does one that has finished (SN-6)', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source'], { intervalMs: 3_600_000 })
      await stage.ready(isNew())
      await stage.until('it to be open', async () => (await stage.read()).open)
      await stage.stop(1)
      await stage.until('it to have stopped', async () => {
        const { outcome } = await stage.read()
        return outcome?.value.state === 'stopped' ? outcome : undefined
      })
      let { snapshots } = await stage.read()
      const [last] = [...snapshots.kept.values()]
      assert.deepEqual([last?.value.isLast, snapshots.committed], [true, undefined])

      stage.finished.add('a')
      await stage.deploy(2, ['a source'], { intervalMs: 3_600_000 })
      const plan = await stage.ready((newest) => newest.version === 2 && newest.instances.length > 0)
      assert.equal(plan.restores, undefined, 'it begins afresh')
      await stage.until('it to be open', async () => {
        const { open } = await stage.read()
        return open?.value.generation === plan.generation ? open : undefined
      })
      await stage.ready(isNew(), { finished: '*' })
      await stage.until('it to have finished', async () => {
        const { outcome } = await stage.read()
        return outcome?.value.state === 'finished' ? outcome : undefined
      })
      ;({ snapshots } = await stage.read())
      assert.deepEqual([...snapshots.kept.values()].at(-1)!.value.finished, [{ component: 'a', index: 0 }])
    }))

  it('that came to nothing before it was undeployed are not those of what is deployed then', () =>
    staged(async (stage) => {
      stage.failing = new Error('no room')
      await stage.deploy(1, ['a source'])
      await stage.ready(isNew())
      await stage.until('an abort', async () => (await stage.read()).snapshots.aborted)
      await stage.stop(1)
      const stopped = await stage.until('it to have stopped', async () => {
        const view = await stage.read()
        return view.outcome?.value.state === 'stopped' ? view : undefined
      })
      assert.equal(stopped.snapshots.aborted, undefined)
      stage.failing = undefined
      stage.decided.length = 0
      // A manager that has seen nothing of it.
      await stage.manage()
      await stage.deploy(2, ['a source'])
      await stage.ready((newest) => newest.version === 2 && newest.instances.length > 0)
      await stage.committed()
      assert.ok(!stage.decided.includes('snapshots-mended'), String(stage.decided))
    }))

  it('leave only manifests of their own in the storage', () =>
    staged(async (stage) => {
      await stage.deploy(1, ['a source'])
      await stage.ready(isNew())
      await stage.committed()
      for await (const name of allNames(stage.storage, '')) assert.match(name, /^net\/\d+\/\d+\/manifest$/)
    }))
})
