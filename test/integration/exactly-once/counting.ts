import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { eventually } from '../../support/eventually.ts'
import {
  type ComponentText,
  FaultyCluster,
  type NetworkText,
  settleMsMax,
} from '../cluster-faults/cluster.ts'
import type { NodeProcess } from '../cluster-faults/nodes.ts'
import type { Counted } from './kinds.ts'
import { SnapshotState } from './snapshot-state.ts'
import { countWords } from './texts.ts'

/**
 * Words are counted on three real nodes, of which some end, in numbers of instances that change; what is there in the end is held
 * against a plain loop, in the state key by key, and in the file of the sink row by row.
 */

const kinds = new URL('kinds.ts', import.meta.url).href
const [linesCount, perSecond, wordsCount] = [15_000, 500, 97]
/** Of the file: so many bytes more, and messages flow. */
const flowBytes = 2_000

/** Some words come often, others seldom. */
function textOf(): string {
  const word = (n: number): string => `w${'abcdefghij'[n % 10]}${'abcdefghij'[Math.floor(n / 10)]}`
  const wordsAt = (at: number): string =>
    [at % wordsCount, (at * at) % wordsCount, (at * 7) % 13].map(word).join(' ')
  return Array.from({ length: linesCount }, (_, at) => wordsAt(at)).join('\n')
}

export class Counting {
  readonly cluster: FaultyCluster
  private readonly folder: string
  private readonly storage: string
  /** Of the components that differ. */
  private readonly instances = { text: 2, split: 2, count: 3, rows: 1 }

  private constructor(cluster: FaultyCluster, folder: string, storage: string) {
    this.cluster = cluster
    this.folder = folder
    this.storage = storage
  }

  /** Fulfilled when words flow. `snapshots`: where the nodes keep them. */
  static async start({ snapshots }: { readonly snapshots?: string } = {}): Promise<Counting> {
    const folder = mkdtempSync(join(tmpdir(), 'vertigo-counting-'))
    const storage = snapshots ?? pathToFileURL(join(folder, 'snapshots')).href
    const cluster = await FaultyCluster.start({
      storeUrl: `lmdb:${folder}/store`,
      nodes: 3,
      snapshots: storage,
    })
    const counting = new Counting(cluster, folder, storage)
    try {
      writeFileSync(counting.text, textOf())
      await cluster.deploy(counting.network())
      await counting.flows()
      return counting
    } catch (error) {
      await counting.close()
      throw error
    }
  }

  async close(): Promise<void> {
    await this.cluster.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** One of them hosts instances, and is killed; nobody starts it again. */
  async loseNode(): Promise<void> {
    const { cluster } = this
    const before = cluster.plans.at(-1)!.generation
    const victim = await cluster.hosting()
    await victim.kill()
    await this.runs(`all run without ${victim.id}`)
    assert.ok(
      cluster.plans.some(({ generation, restores }) => generation > before && restores !== undefined),
      'it went on from a snapshot',
    )
    await this.flows()
  }

  async scale(component: 'split' | 'count', instances: number): Promise<void> {
    const { management } = this.cluster
    this.instances[component] = instances
    const version = await management.scale('net', component, instances, { by: 'test' })
    await this.cluster.until('the new version runs', (status) => status.version === version)
    await this.runs(`${component} has ${instances} instances`)
    await this.flows()
  }

  /** Nothing changes any more: to the end of the text; then all is compared. Gives how many words there were. */
  async finish(): Promise<number> {
    const { management } = this.cluster
    writeFileSync(this.hurry, '')
    await this.cluster.until('it has finished', ({ state }) => state === 'finished')
    const { snapshots } = await management.snapshots.list('net')
    const [last] = snapshots
    assert.equal(last?.finished.length, this.instancesCount, 'everything has finished in the last snapshot')
    const state = await SnapshotState.open(this.storage, 'net', last)
    try {
      return await this.check(state)
    } finally {
      await state.close()
    }
  }

  private async check(state: SnapshotState): Promise<number> {
    const wanted = countWords(this.text)
    assert.equal(wanted.size, wordsCount, 'a plain loop finds all words')
    const counted = await state.of('count', 'value', 'value')
    assert.deepEqual(
      sorted([...counted].map(([word, [seen, sum]]) => [String(word), { seen, sum }])),
      sorted(wanted),
      'the state has of each word what a plain loop has',
    )
    const lines = readFileSync(this.rows, 'utf8').split('\n')
    assert.equal(lines.pop(), '', 'the file ends with a whole row')
    const rows = lines.map((line) => JSON.parse(line) as Counted)
    const found = Map.groupBy(rows, ({ word }) => word)
    for (const [word, { seen }] of wanted)
      assert.deepEqual(
        found.get(word)?.map(({ count }) => count),
        Array.from({ length: seen }, (_, at) => at + 1),
        `each count of ${word} is there once, in its order`,
      )
    assert.equal(found.size, wanted.size, 'there are no other words')
    return rows.length
  }

  /** With all instances that there are to be, each on a node that lives. */
  private async runs(what: string): Promise<void> {
    const { cluster } = this
    const living = (): readonly NodeProcess[] => cluster.nodes.filter(({ lives }) => lives)
    await cluster.until(
      what,
      ({ state, instances }) =>
        state === 'running' &&
        instances.length === this.instancesCount &&
        instances.every((one) => one.state === 'running' && living().some(({ id }) => id === one.node)),
    )
  }

  /** Snapshots are committed, and what they have comes to the file. */
  private async flows(): Promise<void> {
    const size = (): number => statSync(this.rows, { throwIfNoEntry: false })?.size ?? 0
    const before = size()
    await eventually('words come to the file', () => size() > before + flowBytes, settleMsMax)
  }

  private get instancesCount(): number {
    return Object.values(this.instances).reduce((all, count) => all + count, 0)
  }

  private get text(): string {
    return join(this.folder, 'text')
  }

  private get hurry(): string {
    return join(this.folder, 'hurry')
  }

  private get rows(): string {
    return join(this.folder, 'rows.jsonl')
  }

  private network(): NetworkText {
    const { text, hurry, rows, instances } = this
    const part = (kind: string, count: number): ComponentText => ({
      kind: `${kinds}#${kind}`,
      instances: count,
    })
    return {
      name: 'net',
      guarantee: 'exactly-once',
      snapshot: { intervalMs: 100 },
      components: {
        text: { ...part('lines', instances.text), config: { text, hurry, perSecond } },
        split: part('splits', instances.split),
        count: part('counts', instances.count),
        rows: { kind: 'file-sink', config: { path: rows } },
      },
      connections: [
        { from: 'text.out', to: 'split.in' },
        { from: 'split.out', to: 'count.in', selector: { type: 'hash', key: 'word' } },
        { from: 'count.out', to: 'rows.in' },
      ],
    }
  }
}

function sorted<T>(entries: Iterable<readonly [string, T]>): (readonly [string, T])[] {
  return [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1))
}
