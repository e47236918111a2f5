import { sleep } from '../../../src/base/clock.ts'
import type { Random } from '../../../src/base/random.ts'
import {
  defineComponent,
  defineSource,
  type Kind,
  list,
  map,
  port,
  value,
  type SourcePositions,
} from '../../../src/component/index.ts'

/** Kinds whose results do not depend on the order in which messages of several channels come. */

export interface Item {
  /** Where it comes from, and which way it took where it was doubled. */
  readonly id: string
  readonly key: string
}

export const keyCount = 7

/** The message of an index: the same whenever it is asked for. */
export function itemOf(source: string, index: number): Item {
  return { id: `${source}:${index}`, key: `k${(index * 2_654_435_761) % keyCount}` }
}

export function doubled({ id, key }: Item): readonly Item[] {
  return [
    { id: `${id}a`, key },
    { id: `${id}b`, key },
  ]
}

/** What goes round once more, and as what; undefined where it goes on. */
export function roundOf({ id, key }: Item): Item | undefined {
  const rounds = /r*$/.exec(id)![0].length
  return rounds < 3 && id.length % 2 === rounds % 2
    ? { id: `${id}rr`.slice(0, id.length + 1), key }
    : undefined
}

const items = { out: port<Item>() }

/** `chance` is drawn from while the network runs, and does not go back with it. */
export function kindsWith(chance: Random): ReadonlyMap<string, Kind> {
  const source = defineSource({
    outputs: items,
    rewinds: true,
    setup({ clock, component, config, instance, instances, positions }) {
      const count = config['count'] as number
      const shares = positions === undefined ? [{ of: instances, index: instance }] : sharesOf(positions)
      const isOver = (): boolean => shares.every(({ index }) => index >= count)
      return {
        async poll(max, { emit }) {
          for (const share of shares) {
            const some = 1 + chance.int(6)
            for (let sent = 0; sent < Math.min(max, some) && share.index < count; sent++) {
              emit.out(itemOf(component, share.index))
              share.index += share.of
            }
            if (chance.int(4) === 0) await sleep(clock, chance.int(15))
          }
          return isOver() ? 'done' : 'more'
        },
        positions: () =>
          Object.fromEntries(
            shares.map(({ of, index }) => [`${index % of}/${of}`, { version: 1, position: index }]),
          ),
      }
    },
  })
  const pass = defineComponent({
    inputs: { in: port<Item>() },
    outputs: items,
    on: { in: (item, { emit }) => emit.out(item) },
  })
  const double = defineComponent({
    inputs: { in: port<Item>() },
    outputs: items,
    on: {
      *in(item, { emit }) {
        for (const each of doubled(item)) {
          emit.out(each)
          yield
        }
      },
    },
  })
  const wait = defineComponent({
    inputs: { in: port<Item>() },
    outputs: items,
    concurrency: 3,
    on: {
      async in(item, { emit, clock }) {
        if (chance.int(3) === 0) await sleep(clock, chance.int(10))
        emit.out(item)
      },
    },
  })
  const flaky = defineComponent({
    inputs: { in: port<Item>() },
    outputs: items,
    state: { seen: list<string>() },
    on: {
      in(item, { emit, state }) {
        state.seen.push(item.id)
        emit.out(item)
        if (chance.int(5) === 0) throw new Error('not this time')
      },
    },
  })
  const round = defineComponent({
    inputs: { in: port<Item>(), back: port<Item>() },
    outputs: { ...items, again: port<Item>() },
    on: {
      in: (item, { emit }) => goRound(item, emit),
      back: (item, { emit }) => goRound(item, emit),
    },
  })
  const sum = defineComponent({
    inputs: { in: port<Item>() },
    outputs: items,
    state: { count: value(0), ids: list<string>(), perSource: map<string, number>() },
    on: {
      in(item, { emit, state }) {
        state.count.update((count) => count + 1)
        state.ids.push(item.id)
        state.perSource.update(sourceOf(item), (count = 0) => count + 1)
        emit.out(item)
      },
    },
  })
  const later = defineComponent({
    inputs: { in: port<Item>() },
    outputs: items,
    state: { pending: value<readonly Item[]>([]) },
    on: {
      in(item, { state, timers }) {
        if (state.pending.get().length === 0) timers.after('flush', 5 + chance.int(20))
        state.pending.update((pending) => [...pending, item])
      },
    },
    timers: {
      flush({ emit, state }) {
        for (const item of state.pending.get()) emit.out(item)
        state.pending.set([])
      },
    },
    drain({ emit, keys }) {
      for (const { state } of keys()) {
        for (const item of state.pending.get()) emit.out(item)
        state.pending.set([])
      }
    },
  })
  const tally = defineComponent({
    inputs: { in: port<Item>() },
    outputs: items,
    state: { count: value(0, { scope: 'instance' }) },
    on: {
      in(item, { emit, state }) {
        state.count.update((count) => count + 1)
        emit.out(item)
      },
    },
  })
  return new Map<string, Kind>([
    ['source', source],
    ['pass', pass],
    ['double', double],
    ['wait', wait],
    ['flaky', flaky],
    ['round', round],
    ['sum', sum],
    ['later', later],
    ['tally', tally],
  ])
}

function goRound(
  item: Item,
  emit: { readonly out: (item: Item) => void; readonly again: (item: Item) => void },
): void {
  const next = roundOf(item)
  if (next === undefined) emit.out(item)
  else emit.again(next)
}

export const keyedKinds: ReadonlySet<string> = new Set(['sum', 'later', 'flaky'])

export function sourceOf({ id }: Item): string {
  return id.split(':')[0]!
}

function sharesOf(positions: SourcePositions): { of: number; index: number }[] {
  return Object.entries(positions).map(([split, { position }]) => ({
    of: Number(split.split('/')[1]),
    index: position as number,
  }))
}
