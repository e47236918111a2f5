import assert from 'node:assert/strict'
import { join } from 'node:path'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { isVertigoError } from '../../../src/base/errors.ts'
import type { SinkBatch } from '../../../src/component/index.ts'
import { SteppedProcess } from '../../support/stepped-calls.ts'
import { inFolder, interleave, Life, Place, walk, type Way } from './interleaved-lives.ts'

/**
 * Two networks that write to one file, which nobody has told them not to. Each stands still before each of its calls of the operating system,
 * and goes on before each call of the other. In the end the file is one's, and has all that it has published, also what comes later; the other
 * one was told so.
 */
const way: Way = { name: 'a file', parts: false, append: false, before: 'of somebody else\n' }
const since = 11

/** A network's one instance; in several lives, one after the other or at once. */
class Network {
  readonly name: string
  readonly writer: string
  readonly pieces: SinkBatch[] = []
  /** It has been told that the file is another one's. */
  isTold = false
  private readonly place: Place
  private readonly published = new Set<SinkBatch>()
  private nextId: number

  /** Snapshots of networks cannot be compared: `firstId` is of no account. */
  constructor(place: Place, name: string, firstId: number) {
    this.place = place
    this.name = name
    this.writer = `test/${name}/out/0`
    this.nextId = firstId
  }

  async begin(): Promise<Life> {
    return Life.begin(this.place, undefined, this.writer)
  }

  async prepare(life: Life): Promise<SinkBatch> {
    const id = this.nextId++
    const batch = await life.prepare(id, this.textOf(id))
    this.pieces.push(batch)
    return batch
  }

  async commit(life: Life, batch: SinkBatch): Promise<void> {
    await this.unlessTold(async () => life.commit(batch))
    if (!this.isTold) this.published.add(batch)
  }

  async publish(life: Life): Promise<void> {
    if (this.isTold) return
    await this.commit(life, await this.prepare(life))
  }

  /** As after a failure: the store knows that pieces are committed, and of none that it is published. */
  async recover(): Promise<Life | undefined> {
    let life: Life | undefined
    const [oldest] = this.pieces
    const restored = { since: oldest?.snapshot.id ?? since, staged: [...this.pieces] }
    await this.unlessTold(async () => {
      life = await Life.begin(this.place, restored, this.writer)
    })
    return life
  }

  get text(): string {
    return this.pieces.map(({ snapshot: { id } }) => `${this.textOf(id)}\n`).join('')
  }

  private textOf(id: number): string {
    return `${this.name} ${id}`
  }

  private async unlessTold(body: () => Promise<void>): Promise<void> {
    try {
      await body()
    } catch (error) {
      if (!isVertigoError(error) || error.code !== 'TARGET_IN_USE') throw error
      assert.match(error.message, /is being written by test\/(one|other)\/out\/0/)
      this.isTold = true
    }
  }
}

/** The calls of the two are some 70 each. */
const every = 71

/** Each publishes once more what it can; then the file is whose who was not told. It goes on after a failure, and the other one does not. */
async function settle(place: Place, lives: ReadonlyMap<Network, Life | undefined>): Promise<void> {
  for (const [network, life] of lives) if (life !== undefined) await network.publish(life)
  const networks = [...lives.keys()]
  const [owner, ...more] = networks.filter(({ isTold }) => !isTold)
  assert.ok(owner !== undefined, 'each was told that the file is the other one’s')
  assert.deepEqual(more, [], 'nobody was told that the file is another one’s')
  assert.equal(await place.seen(), owner.text)
  await assertTurns(place)
  for (const network of networks) {
    const recovered = await network.recover()
    assert.equal(network.isTold, network !== owner, `${network.name} recovers`)
    if (recovered !== undefined) await network.publish(recovered)
  }
  assert.equal(await place.seen(), owner.text)
  assert.deepEqual(await place.staged(), [], 'nothing is staged any more')
}

/** MK-2 */
async function assertTurns(place: Place): Promise<void> {
  const writers = new Map<string, string>()
  for (const name of await readdir(join(place.folder, '.out.txt.marks'))) {
    const [, turn, writer] = /^(\d+)-\d+-\d+-([0-9a-f]+)$/.exec(name) ?? []
    if (turn === undefined) continue
    assert.equal(writers.get(turn) ?? writer, writer, `two have turn ${turn}`)
    writers.set(turn, writer!)
  }
}

for (const firstIds of [
  { one: since, other: 500 },
  { one: 500, other: since },
])
  test(`two networks begin, the first one with snapshot ${firstIds.one}: each stops before any call, and goes on before any of the other`, (t) =>
    inFolder(t, async (folder) => {
      await walk(
        t,
        async (processes, name) => {
          const place = new Place(way, join(folder, name))
          await place.set()
          const one = new Network(place, 'one', firstIds.one)
          const other = new Network(place, 'other', firstIds.other)
          const lives = new Map<Network, Life>()
          const run = async (network: Network): Promise<void> => {
            const life = await network.begin()
            lives.set(network, life)
            await network.publish(life)
            await network.publish(life)
          }
          await interleave(
            processes,
            async () => run(one),
            async () => run(other),
          )
          await settle(place, lives)
        },
        every,
      )
    }))

for (const { isGone, laterFirst } of [
  { isGone: false, laterFirst: false },
  { isGone: false, laterFirst: true },
  { isGone: true, laterFirst: false },
  { isGone: true, laterFirst: true },
])
  test(`two networks publish what they have prepared${isGone ? ', and which somebody has removed' : ''}, ${laterFirst ? 'the later' : 'the earlier'} one first: each stops before any call, and goes on before any of the other`, (t) =>
    inFolder(t, async (folder) => {
      await walk(
        t,
        async (processes, name) => {
          const place = new Place(way, join(folder, name))
          await place.set()
          const networks = [new Network(place, 'one', 500), new Network(place, 'other', since)]
          const lives = new Map<Network, Life>()
          for (const network of networks) {
            const life = await network.begin()
            lives.set(network, life)
            await network.prepare(life)
          }
          if (isGone) await place.removeStaged()
          const publish = async (network: Network): Promise<void> => {
            const life = lives.get(network)!
            await network.commit(life, network.pieces[0]!)
            await network.publish(life)
          }
          const [first, second] = laterFirst ? networks.toReversed() : networks
          await interleave(
            processes,
            async () => publish(first!),
            async () => publish(second!),
          )
          await settle(place, lives)
          assert.equal(networks[0]!.isTold, true, 'who was there first has lost')
        },
        every,
      )
    }))

for (const { isGone, crashed } of [
  { isGone: false, crashed: 0 },
  { isGone: false, crashed: 1 },
  { isGone: true, crashed: 1 },
])
  test(`the ${crashed === 0 ? 'earlier' : 'later'} of two networks${isGone ? ', of which nothing is staged,' : ''} stops before any call, and goes on after its successor has; the other one stops before any call`, (t) =>
    inFolder(t, async (folder) => {
      await walk(
        t,
        async ({ old, next }, name) => {
          const place = new Place(way, join(folder, name))
          await place.set()
          const networks = [new Network(place, 'one', 500), new Network(place, 'other', since)]
          const lives = new Map<Network, Life | undefined>()
          for (const network of networks) {
            const life = await network.begin()
            lives.set(network, life)
            await network.prepare(life)
          }
          if (isGone) await place.removeStaged()
          const failing = networks[crashed]!
          const still = networks[1 - crashed]!
          const commitFirst = async (network: Network): Promise<void> =>
            network.commit(lives.get(network)!, network.pieces[0]!)
          const ofStill = old.run(async () => commitFirst(still))
          await old.stands(ofStill)
          const ofFailing = next.run(async () => commitFirst(failing))
          await next.stands(ofFailing)
          const successor = await new SteppedProcess().run(async () => failing.recover())
          if (successor !== undefined) await failing.publish(successor)
          old.release()
          await ofStill
          if (successor !== undefined) await failing.publish(successor)
          // As if it had died.
          assert.equal(await place.seen(), (failing.isTold ? still : failing).text)
          next.release()
          await ofFailing
          await settle(place, new Map(lives).set(failing, successor))
        },
        every,
      )
    }))
