import { sleep } from '../../../src/base/clock.ts'
import type { Random } from '../../../src/base/random.ts'
import {
  defineComponent,
  defineSource,
  type Emit,
  type Kind,
  list,
  map,
  type OutputGroup,
  port,
  value,
  type SourcePositions,
} from '../../../src/component/index.ts'
import type { Target } from './target.ts'

/** Kinds whose results do not depend on the order in which messages of several channels come. */

export interface Item {
  /** Where it comes from, and which way it took where it was doubled. */
  readonly id: string
  readonly key: string
}

export const keyCount = 7

/** How keys are spread: all the same, one of them for most, or all of them for all messages. */
export type KeySpread = 'even' | 'skewed' | 'one'

/** The message of an index: the same whenever it is asked for. */
export function itemOf(source: string, index: number, spread: KeySpread = 'even'): Item {
  const drawn = (index * 2_654_435_761) % keyCount
  const key = spread === 'even' || (spread === 'skewed' && index % 4 === 0) ? drawn : 0
  return { id: `${source}:${index}`, key: `k${key}` }
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

export interface KindTimes {
  /** Between two polls, at the most, in milliseconds; and how often there is none. */
  readonly pauseMsMax: number
  readonly pausePart: number
  /** Of a handler that takes its time. */
  readonly slowMsMax: number
}

const shortTimes: KindTimes = { pauseMsMax: 15, pausePart: 0.25, slowMsMax: 60 }

/** `chance` is drawn from while the network runs, and does not go back with it. */
export function kindsWith(
  chance: Random,
  target: Target,
  times: KindTimes = shortTimes,
): ReadonlyMap<string, Kind> {
  const { pauseMsMax, pausePart, slowMsMax } = times
  const source = defineSource({
    outputs: items,
    rewinds: true,
    setup({ clock, component, config, instance, instances, positions }) {
      const count = config['count'] as number
      const spread = config['keys'] as KeySpread | undefined
      const shares: Share[] =
        positions === undefined ? [{ of: instances, index: instance }] : sharesOf(positions)
      const isOver = (): boolean => shares.every(({ index }) => index >= count)
      const groupSize = (config['groupSize'] as number | undefined) ?? 0
      return {
        async poll(max, { emit }) {
          for (const share of shares) {
            const some = 1 + chance.int(6)
            for (let sent = 0; sent < Math.min(max, some) && share.index < count; sent++)
              sendNext(share, emit.out, { source: component, count, spread, groupSize })
            if (chance.next() < pausePart) await sleep(clock, chance.int(pauseMsMax))
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
  const regroup = defineComponent({
    inputs: { in: port<Item>() },
    outputs: items,
    on: { in: (item, { emit }) => emit.out(item) },
    groups: {
      in: {
        '*': {
          start(args, { emit, group }) {
            group.state['out'] = emit.out.group(group.name, args)
          },
          async message(item, { clock, group }) {
            if (chance.int(4) === 0) await sleep(clock, chance.int(10))
            ;(group.state['out'] as OutputGroup<Item>).send(item)
          },
          end(_args, { group }) {
            ;(group.state['out'] as OutputGroup<Item>).end()
          },
        },
      },
    },
  })
  const outlet = defineComponent({
    inputs: { in: port<Item>() },
    outputs: items,
    setup({ clock, component }) {
      let received: string[] = []
      const take = (): readonly string[] => {
        const taken = received
        received = []
        return taken
      }
      return {
        on: {
          in(item, { emit }) {
            received.push(item.id)
            emit.out(item)
          },
        },
        sink: target.sink(component, take, { chance, clock }),
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
  const slow = defineComponent({
    inputs: { in: port<Item>() },
    outputs: items,
    on: {
      async in(item, { emit, clock }) {
        await sleep(clock, chance.int(slowMsMax))
        emit.out(item)
      },
    },
  })
  const chunk = defineComponent({
    inputs: { in: port<Item>() },
    outputs: items,
    on: {
      in(item, { emit }) {
        const ids = doubled(item).map(({ id }) => id)
        const group = emit.out.group('g', { key: item.key, ids } satisfies GroupArgs)
        for (const each of doubled(item)) group.send(each)
        group.end()
      },
    },
  })
  const gather = defineComponent({
    inputs: { in: port<Item>() },
    outputs: items,
    on: { in: (item, { emit }) => emit.out(item) },
    groups: {
      in: {
        '*': {
          async message(item, { clock, group }) {
            if (chance.int(3) === 0) await sleep(clock, chance.int(10))
            const gathered = (group.state['items'] as readonly Item[] | undefined) ?? []
            group.state['items'] = [...gathered, item]
          },
          end(_args, { emit, group }) {
            const gathered = (group.state['items'] as readonly Item[] | undefined) ?? []
            const { ids } = group.args as GroupArgs
            const found = gathered.map(({ id }) => id).toSorted()
            // By way of several connections each message may come twice, but none is missing.
            if (!ids.every((id) => found.some((one) => isFrom(one, id))))
              throw new Error(`the group of ${ids.join()} has ${found.join()}`)
            for (const item of gathered) emit.out(item)
          },
        },
      },
    },
  })
  const join = defineComponent({
    inputs: { left: port<Item>(), right: port<Item>() },
    outputs: items,
    state: { left: list<string>(), right: list<string>() },
    on: {
      left(item, { emit, state }) {
        state.left.push(item.id)
        emit.out(item)
      },
      right(item, { emit, state }) {
        state.right.push(item.id)
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
  const roundabout = defineComponent({
    inputs: { in: port<Item>(), back: port<Item>() },
    outputs: { ...items, again: port<Item>() },
    concurrency: 3,
    on: {
      async in(item, { clock, emit }) {
        await sleep(clock, chance.int(10))
        goRound(item, emit)
      },
      async back(item, { clock, emit }) {
        await sleep(clock, chance.int(10))
        goRound(item, emit)
      },
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
    ['outlet', outlet],
    ['slow', slow],
    ['chunk', chunk],
    ['regroup', regroup],
    ['gather', gather],
    ['join', join],
    ['flaky', flaky],
    ['round', round],
    ['roundabout', roundabout],
    ['sum', sum],
    ['later', later],
    ['tally', tally],
  ])
}

/** Whatever it went through, an id begins with that of its source's message. */
function isFrom(id: string, first: string): boolean {
  return id === first || (id.startsWith(first) && !/\d/.test(id[first.length]!))
}

/** Of a group: all of one key, so that it may go by that, and what is to be in it. */
interface GroupArgs {
  readonly key: string
  readonly ids: readonly string[]
}

interface Share {
  readonly of: number
  index: number
  /** The group that is open, from one poll to the next. */
  group?: OutputGroup<Item> | undefined
}

/** The next message of a share: alone, or in a group of several that come in several polls. */
function sendNext(
  share: Share,
  out: Emit<typeof items>['out'],
  {
    source,
    count,
    spread,
    groupSize,
  }: {
    readonly source: string
    readonly count: number
    readonly spread: KeySpread | undefined
    readonly groupSize: number
  },
): void {
  const item = itemOf(source, share.index, spread)
  const nth = Math.floor(share.index / share.of)
  share.index += share.of
  if (groupSize === 0) {
    out(item)
    return
  }
  // Where it goes on in the middle of a group, that is open already: it is given it by its name.
  let { group } = share
  if (group === undefined) {
    const first = nth - (nth % groupSize)
    const all = Array.from(
      { length: groupSize },
      (_, at) => (first + at) * share.of + (share.index % share.of),
    )
    const ids = all.filter((index) => index < count).map((index) => itemOf(source, index).id)
    const name = `${share.index % share.of}/${share.of}`
    group = out.group(name, { key: item.key, ids } satisfies GroupArgs)
  }
  group.send(item)
  const isOver = (nth + 1) % groupSize === 0 || share.index >= count
  if (isOver) group.end()
  share.group = isOver ? undefined : group
}

function goRound(
  item: Item,
  emit: { readonly out: (item: Item) => void; readonly again: (item: Item) => void },
): void {
  const next = roundOf(item)
  if (next === undefined) emit.out(item)
  else emit.again(next)
}

export const keyedKinds: ReadonlySet<string> = new Set(['sum', 'later', 'flaky', 'join'])

/** Of a kind, those that take what others send. */
export function inputsOf(kind: string): readonly string[] {
  return kind === 'join' ? ['left', 'right'] : ['in']
}

export function sourceOf({ id }: Item): string {
  return id.split(':')[0]!
}

function sharesOf(positions: SourcePositions): Share[] {
  return Object.entries(positions).map(([split, { position }]) => ({
    of: Number(split.split('/')[1]),
    index: position as number,
  }))
}
