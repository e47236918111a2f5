import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Random, seededRandom } from '../../src/base/random.ts'
import type { VersionRecord } from '../../src/cluster/protocol/index.ts'
import { byVersion, plan, type Placed, version, type Written } from '../unit/cluster/agent/plans.ts'
import { RingTrace, ringKinds } from './changes/ring-kinds.ts'
import { SimCluster } from './changes/sim-cluster.ts'

/**
 * Rings of random length and numbers of copies on several workers, joined by links with delays: a source sends into them what
 * goes round for a while, a sink counts what comes out. The ring comes to its end because its source does, because it is
 * removed, or because all of it is; meanwhile workers are held, and plans of the same take the place of each other.
 *
 * That it ends at all is what CY-1 promises; an end while something is under way (CY-2, CY-3) loses messages, which the sink
 * shows.
 */

type Ending = 'source' | 'removed' | 'stopped'

interface Ring {
  readonly chance: Random
  readonly names: readonly string[]
  readonly copies: Readonly<Record<string, number>>
  readonly whole: VersionRecord
  readonly without: VersionRecord
}

function ringOf(seed: number): Ring {
  const chance = seededRandom(seed)
  const names = ['a', 'b', 'c'].slice(0, 1 + chance.int(3))
  const copies = Object.fromEntries(
    [...names, 's', 'z'].map((name) => [name, 1 + chance.int(name === 's' ? 1 : 3)]),
  )
  const selectors = ['round-robin', 'fair', { type: 'hash', key: 'id' }] as const
  const selector = (): (typeof selectors)[number] => selectors[chance.int(selectors.length)]!
  const around = names.map((name, at) => {
    const isLast = at === names.length - 1
    const to = isLast ? 'a.back' : `${names[at + 1]}.in`
    return { from: `${name}.on`, to, selector: selector(), ...(isLast && { back: true }) }
  })
  const written: Written = {
    components: copies,
    connections: [
      { from: 's.out', to: 'a.in', selector: selector() },
      ...around,
      ...names.map((name) => ({ from: `${name}.out`, to: 'z.in', selector: selector() })),
    ],
    sources: ['s'],
  }
  const rest: Written = { components: { s: copies['s']!, z: copies['z']! }, connections: [], sources: ['s'] }
  return { chance, names, copies, whole: version(1, written), without: version(2, rest) }
}

class RingStory {
  readonly trace = new RingTrace()
  readonly cluster: SimCluster
  readonly #ring: Ring
  readonly #versions: ReturnType<typeof byVersion>
  readonly #places: readonly (readonly [string, number, number])[]
  #generation = 0

  constructor(seed: number, count: number) {
    this.#ring = ringOf(seed)
    const { chance, copies, whole, without } = this.#ring
    this.cluster = new SimCluster(seed, ringKinds(this.trace, count))
    this.#versions = byVersion(whole, without)
    const workers = 1 + chance.int(3)
    let id = 0
    this.#places = Object.entries(copies).flatMap(([name, of]) =>
      Array.from({ length: of }, (_, i) => [`${name}[${i}]`, ++id, 1 + chance.int(workers)] as const),
    )
  }

  get ringIds(): readonly number[] {
    return this.#places.filter(([place]) => this.#isOfRing(place)).map(([, id]) => id)
  }

  get allIds(): readonly number[] {
    return this.#places.map(([, id]) => id)
  }

  /** The next generation: the same again, without the ring, or with all of it to end. */
  async open(what: 'whole' | 'removed' | 'stopped'): Promise<void> {
    const { whole, without } = this.#ring
    const drainingSince = this.#drainingSince(what)
    const placed = this.#places.map(([place, id, worker]): Placed => {
      const drains = what === 'stopped' || (what === 'removed' && this.#isOfRing(place))
      return [place, id, worker, drains ? { version: whole.version, draining: true, drainingSince } : {}]
    })
    const versions = what === 'removed' ? [whole, without] : [whole]
    const made = plan(++this.#generation, versions, placed)
    assert.ok(await this.cluster.prepare(made, this.#versions))
    this.cluster.open(made)
  }

  /** What may happen at any time and must change nothing. */
  async disturb(what: Parameters<RingStory['open']>[0]): Promise<void> {
    const { chance } = this.#ring
    for (let n = chance.int(3); n > 0; n--) {
      await this.cluster.advance(chance.int(120))
      if (chance.int(2) === 0) await this.open(what)
      else {
        this.cluster.hold()
        await this.cluster.advance(10 + chance.int(150))
        this.cluster.release()
      }
    }
  }

  #since: number | undefined

  #drainingSince(what: 'whole' | 'removed' | 'stopped') {
    if (what === 'whole') return undefined
    this.#since ??= this.#generation + 1
    return plan(this.#since, [this.#ring.whole], []).generation
  }

  #isOfRing(place: string): boolean {
    return this.#ring.names.includes(place[0]!)
  }
}

async function play(seed: number, ending: Ending): Promise<void> {
  const story = new RingStory(seed, ending === 'source' ? 25 : 1_000)
  const { cluster, trace } = story
  await story.open('whole')
  const what = ending === 'source' ? 'whole' : ending
  if (ending !== 'source') {
    await cluster.until(() => trace.sent > 30, 'something goes round')
    await story.open(what)
  }
  await story.disturb(what)
  const ids = ending === 'removed' ? story.ringIds : story.allIds
  await cluster.until(
    () => ids.every((id) => cluster.finished.has(id)),
    `seed ${seed}: all of it has finished`,
  )
  assert.deepEqual(cluster.warnings, [], `seed ${seed}`)
  await cluster.close()
  // Who is removed has got what was sent until then, without a gap.
  const got = ending === 'removed' ? trace.hops.size : trace.sent
  assert.ok(got > 0)
  for (let id = 0; id < got; id++) {
    assert.equal(trace.arrived.get(id), 1, `seed ${seed}: message ${id} has come out once`)
  }
  assert.equal(trace.arrived.size, got, `seed ${seed}`)
}

for (const ending of ['source', 'removed', 'stopped'] as const) {
  test(`CY-1, CY-2, CY-3: a ring comes to its end, with all that was in it: ${ending}`, async () => {
    for (let seed = 1; seed <= 40; seed++) await play(seed, ending)
  })
}
