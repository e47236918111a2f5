import { sleep } from '../../../src/base/clock.ts'
import type { Random } from '../../../src/base/random.ts'
import {
  defineComponent,
  type Kind,
  list,
  map,
  type OutputGroup,
  port,
  value,
} from '../../../src/component/index.ts'
import { doubled, type GroupArgs, isFrom, type Item, items, roundOf, sourceOf } from './items.ts'
import { plainSource, type SourceTimes, trackedSource } from './sources.ts'
import type { Target } from './target.ts'
import { Trees } from './trees.ts'

/** Kinds whose results do not depend on the order in which messages of several channels come. */

export interface KindTimes extends SourceTimes {
  /** Of a handler that takes its time, in milliseconds. */
  readonly slowMsMax: number
}

const shortTimes: KindTimes = { pauseMsMax: 15, pausePart: 0.25, slowMsMax: 60 }

/** `chance` is drawn from while the network runs, and does not go back with it. */
export function kindsWith(
  chance: Random,
  target: Target,
  times: KindTimes = shortTimes,
  trees = new Trees(),
): ReadonlyMap<string, Kind> {
  const { slowMsMax } = times
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
  const batch = defineComponent({
    inputs: { in: port<Item>() },
    outputs: items,
    on: {
      in(item, { emit }) {
        const open = emit.out.batch({ id: item.id })
        for (const each of doubled(item)) open.send(each)
        open.end()
      },
    },
  })
  /** Gathers the batches of one sender: what it has of one is its state from the start to the end. */
  const unbatch = defineComponent({
    inputs: { in: port<Item>() },
    outputs: items,
    state: { gathered: value<readonly Item[]>([], { scope: 'instance' }) },
    batches: {
      in: {
        start(_args, { state }, { resumed }) {
          if (!resumed) state.gathered.set([])
        },
        async message(item, { clock, state }) {
          if (chance.int(3) === 0) await sleep(clock, chance.int(10))
          state.gathered.update((gathered) => [...gathered, item])
        },
        end(_args, { emit, state }) {
          for (const item of state.gathered.get()) emit.out(item)
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
    ['source', plainSource(chance, times)],
    ['tracked', trackedSource(chance, times, trees)],
    ['pass', pass],
    ['double', double],
    ['wait', wait],
    ['outlet', outlet],
    ['slow', slow],
    ['chunk', chunk],
    ['regroup', regroup],
    ['gather', gather],
    ['batch', batch],
    ['unbatch', unbatch],
    ['join', join],
    ['flaky', flaky],
    ['round', round],
    ['roundabout', roundabout],
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

export const keyedKinds: ReadonlySet<string> = new Set(['sum', 'later', 'flaky', 'join'])

/** Of a kind, those that take what others send. */
export function inputsOf(kind: string): readonly string[] {
  return kind === 'join' ? ['left', 'right'] : ['in']
}
