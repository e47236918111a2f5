import { port } from '../../../src/component/index.ts'

/** What flows through the simulated networks that are compared with a plain loop. */

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

/** Of a group: all of one key, so that it may go by that, and what is to be in it. */
export interface GroupArgs {
  readonly key: string
  readonly ids: readonly string[]
}

/** Whatever it went through, an id begins with that of its source's message. */
export function isFrom(id: string, first: string): boolean {
  return id === first || (id.startsWith(first) && !/\d/.test(id[first.length]!))
}

export function sourceOf({ id }: Item): string {
  return id.split(':')[0]!
}

/** The output of most kinds. */
export const items = { out: port<Item>() }
