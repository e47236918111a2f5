import assert from 'node:assert/strict'
import type { Random } from '../../../src/base/random.ts'
import { defineComponent, type Kind, port, type Sink } from '../../../src/component/index.ts'
import type { FlatNetwork } from '../../../src/model/flatten.ts'
import type { TestClock } from '../../../src/testkit/test-clock.ts'
import { MemoryTable } from '../../conformance/sinks/memory.ts'
import type { Item } from './items.ts'

/** What sinks of random networks publish: a table that is reached over a slow line, on which requests go on that nobody waits for any more. */
export class Published {
  readonly table = new MemoryTable<Item>()
  private readonly chance: Random
  private readonly time: TestClock
  /** The last snapshot that is committed. */
  private readonly committed: () => number
  private readonly itemsMax: number
  private early: string | undefined

  /** `itemsMax`: with so many items, a sink is full until the next snapshot. */
  constructor(chance: Random, time: TestClock, committed: () => number, itemsMax = Infinity) {
    this.itemsMax = itemsMax
    this.chance = chance
    this.time = time
    this.committed = committed
  }

  get kind(): Kind {
    const { chance, itemsMax, table } = this
    return defineComponent({
      inputs: { in: port<Item>() },
      setup: () => {
        let received: Item[] = []
        const sink: Sink<readonly Item[]> = {
          prepare: () => {
            const prepared = received
            received = []
            const staged = prepared.length === 0 ? undefined : prepared
            return chance.int(2) === 0 ? staged : this.later(() => staged)
          },
          commit: async ({ writer, snapshot, staged }) => {
            if (chance.int(6) === 0) throw new Error('the line is broken')
            await this.later(() => {
              // SN-3: whoever writes, and however late.
              if (snapshot.id > this.committed()) this.early = `${writer} published ${snapshot.id}`
              table.write(writer, snapshot, staged)
            })
            // The answer takes its time, and may be lost.
            await this.later(() => {
              if (chance.int(6) === 0) throw new Error('the line is broken')
            })
          },
          isFull: () => received.length >= itemsMax,
          recover: (writer) => this.later(() => table.newest.get(writer)),
        }
        return { on: { in: (item) => void received.push(item) }, sink }
      },
    })
  }

  /** Nothing is to be seen that is not committed, and at the end all is, once. */
  compare(expected: Readonly<Record<string, readonly string[]>>): void {
    assert.equal(this.early, undefined, 'before it was committed')
    const byKey = Object.groupBy(this.table.rows, ({ key }) => key)
    const seen = Object.entries(byKey).map(([key, items]): [string, readonly string[]] => [
      key,
      items!.map(({ id }) => id).toSorted(),
    ])
    assert.deepEqual(Object.fromEntries(seen), { ...expected }, 'what was published')
  }

  /** By the time of the world, not by that of a thread: it happens whoever has died meanwhile. */
  private later<T>(what: () => T): Promise<T> {
    return new Promise<void>((resolve) => {
      this.time.after(this.chance.int(30), resolve)
    }).then(what)
  }
}

export const publishedName = 'published'

/** The network with a sink behind its last component. */
export function withSink(network: FlatNetwork, chance: Random): FlatNetwork {
  const last = Object.keys(network.components).at(-1)!
  const base = 'file:///net.yaml'
  return {
    ...network,
    components: {
      ...network.components,
      [publishedName]: { kind: 'publish', base, instances: 1 + chance.int(3) },
    },
    connections: [
      ...network.connections,
      { from: `${last}.out`, to: `${publishedName}.in`, base, selector: { type: 'hash', key: 'key' } },
    ],
  }
}
