import assert from 'node:assert/strict'
import { sleep } from '../../../src/base/clock.ts'
import type { Random } from '../../../src/base/random.ts'
import { defineSource, type Kind, port } from '../../../src/component/index.ts'
import { decodeRecord } from '../../../src/worker/journal/journal-record.ts'
import { type Item, itemOf, type KeySpread } from './items.ts'

interface IntakeConfig {
  readonly count: number
  readonly keys: KeySpread
}

/** What is outside of a simulation and gives each of its messages once, to whoever asks first, whatever becomes of it then. */
export class Outside {
  private readonly next = new Map<string, number>()
  /** Of each component: what it was told to be kept. */
  private readonly kept = new Map<string, Set<string>>()
  private readonly chance: Random

  /** `chance` is drawn from while the network runs. */
  constructor(chance: Random) {
    this.chance = chance
  }

  /** A source of `count` of them, which cannot rewind, and so has a journal. */
  kind(pauseMsMax: number): Kind {
    const { chance } = this
    return defineSource({
      outputs: { out: port<Item>() },
      setup: ({ clock, component, config }) => ({
        poll: async (max, { emit, kept }) => {
          if (chance.int(3) === 0) await sleep(clock, chance.int(pauseMsMax))
          const items = this.take(component, config as IntakeConfig, Math.min(max, 1 + chance.int(4)))
          for (const item of items) emit.out(item)
          kept((error) => {
            if (error === undefined) this.keep(component, items)
          })
          return items.length === 0 ? 'done' : 'more'
        },
      }),
    })
  }

  /** All that it has heard to be kept has been received. */
  check(component: string, received: readonly Item[]): void {
    const there = new Set(received.map(({ id }) => id))
    const lost = [...(this.kept.get(component) ?? [])].filter((id) => !there.has(id))
    assert.deepEqual(lost, [], `what ${component} was told to be kept, and is not`)
  }

  private take(component: string, { count, keys }: IntakeConfig, max: number): readonly Item[] {
    const first = this.next.get(component) ?? 0
    const end = Math.min(first + max, count)
    this.next.set(component, end)
    return Array.from({ length: end - first }, (_, at) => itemOf(component, first + at, keys))
  }

  private keep(component: string, items: readonly Item[]): void {
    const kept = this.kept.get(component) ?? new Set()
    this.kept.set(component, kept)
    for (const { id } of items) kept.add(id)
  }
}

/** What records of a journal say. */
export function itemsOf(records: readonly Uint8Array[], component: string): readonly Item[] {
  return records.flatMap((bytes) => {
    const record = decodeRecord(bytes, component)
    return record.kind === 'messages' ? (record.messages as readonly Item[]) : []
  })
}
