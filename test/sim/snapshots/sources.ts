import { sleep } from '../../../src/base/clock.ts'
import type { Random } from '../../../src/base/random.ts'
import {
  defineSource,
  type Emit,
  type Kind,
  type OutputGroup,
  type SourcePositions,
} from '../../../src/component/index.ts'
import { type GroupArgs, type Item, itemOf, items, type KeySpread } from './items.ts'
import type { Trees } from './trees.ts'

/** Sources that rewind: each has shares of its messages, by which it says how far it is. */

/** Between two polls, at the most, in milliseconds; and how often there is none. */
export interface SourceTimes {
  readonly pauseMsMax: number
  readonly pausePart: number
}

interface Share {
  readonly of: number
  index: number
  /** The group that is open, from one poll to the next. */
  group?: OutputGroup<Item> | undefined
}

type Out = Emit<typeof items>['out']

/** As the network says it. */
interface SourceConfig {
  readonly count: number
  readonly keys?: KeySpread
  readonly groupSize?: number
}

interface SourceSettings {
  readonly source: string
  readonly count: number
  readonly spread: KeySpread | undefined
  readonly groupSize: number
}

/** Messages alone or in groups. */
export function plainSource(chance: Random, times: SourceTimes): Kind {
  return defineSource({
    outputs: items,
    rewinds: true,
    setup({ clock, component, config, instance, instances, positions }) {
      const settings = settingsOf(component, config as SourceConfig)
      const shares = sharesOf({ instance, instances, positions })
      return {
        poll: (max, { emit }) =>
          pollShares(shares, { max, chance, times, clock, count: settings.count }, (share) =>
            sendNext(share, emit.out, settings),
          ),
        positions: () => positionsOf(shares),
      }
    },
  })
}

/** Each message is tracked; `trees` hears what becomes of it. */
export function trackedSource(chance: Random, times: SourceTimes, trees: Trees): Kind {
  return defineSource({
    outputs: items,
    rewinds: true,
    track: { timeoutMs: 3_600_000 },
    setup({ clock, component, config, instance, instances, positions }) {
      const { count, spread } = settingsOf(component, config as SourceConfig)
      const shares = sharesOf({ instance, instances, positions })
      for (const { of, index } of shares) trees.goesOn(component, of, index)
      return {
        poll: (max, { emit }) =>
          pollShares(shares, { max, chance, times, clock, count }, (share) => {
            const { index } = share
            share.index += share.of
            emit.out.tracked(itemOf(component, index, spread), { id: index })
          }),
        positions: () => positionsOf(shares),
        ack: (id) => trees.acknowledged(component, id as number),
        fail: (id, { error }) => trees.lost(component, id as number, error.message),
        timeout: (id) => trees.lost(component, id as number, 'it took too long'),
      }
    },
  })
}

function settingsOf(source: string, { count, keys, groupSize = 0 }: SourceConfig): SourceSettings {
  return { source, count, spread: keys, groupSize }
}

async function pollShares(
  shares: readonly Share[],
  {
    max,
    chance,
    times: { pauseMsMax, pausePart },
    clock,
    count,
  }: {
    readonly max: number
    readonly chance: Random
    readonly times: SourceTimes
    readonly clock: Parameters<typeof sleep>[0]
    readonly count: number
  },
  send: (share: Share) => void,
): Promise<'done' | 'more'> {
  for (const share of shares) {
    const some = 1 + chance.int(6)
    for (let sent = 0; sent < Math.min(max, some) && share.index < count; sent++) send(share)
    if (chance.next() < pausePart) await sleep(clock, chance.int(pauseMsMax))
  }
  return shares.every(({ index }) => index >= count) ? 'done' : 'more'
}

/** The next message of a share: alone, or in a group of several that come in several polls. */
function sendNext(share: Share, out: Out, { source, count, spread, groupSize }: SourceSettings): void {
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

function sharesOf({
  instance,
  instances,
  positions,
}: {
  readonly instance: number
  readonly instances: number
  readonly positions: SourcePositions | undefined
}): Share[] {
  if (positions === undefined) return [{ of: instances, index: instance }]
  return Object.entries(positions).map(([split, { position }]) => ({
    of: Number(split.split('/')[1]),
    index: position as number,
  }))
}

function positionsOf(shares: readonly Share[]): SourcePositions {
  return Object.fromEntries(
    shares.map(({ of, index }) => [`${index % of}/${of}`, { version: 1, position: index }]),
  )
}
