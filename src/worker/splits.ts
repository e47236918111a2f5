import type { ListedSplits, SourcePositions } from '../component/define.ts'
import { encodeKey, instanceOfKeyGroup, keyGroupOf } from '../state/keys.ts'

/** What an instance of a source reads. */
export interface Share {
  /** Undefined where the network begins. */
  readonly positions: SourcePositions | undefined
  /** Undefined for sources that list none. */
  readonly splits: readonly string[] | undefined
}

interface Copy {
  readonly instance: number
  readonly instances: number
}

/**
 * Deals what was listed, by its order or by names: a function of the list alone, so that all instances agree without asking each other. Known
 * positions go with their splits; those of splits that are not there any more are dropped.
 */
export function dealListed(listed: ListedSplits, known: SourcePositions | undefined, copy: Copy): Share {
  const splits =
    'byName' in listed
      ? [...new Set(listed.byName)].filter((split) => owns(split, copy))
      : [...new Set(listed)].filter((_, at) => at % copy.instances === copy.instance)
  if (known === undefined) return { splits, positions: undefined }
  const own = splits.flatMap((split) => (Object.hasOwn(known, split) ? [[split, known[split]!]] : []))
  return { splits, positions: Object.fromEntries(own) as SourcePositions }
}

/** Whether a split that is dealt by its name is this copy's. */
export function owns(split: string, { instance, instances }: Copy): boolean {
  return instanceOfKeyGroup(keyGroupOf(encodeKey(split)), instances) === instance
}

/** Deals what has positions, where a source lists nothing: by the order of names. */
export function dealKnown(known: SourcePositions, { instance, instances }: Copy): SourcePositions {
  const sorted = Object.entries(known).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(sorted.filter((_, at) => at % instances === instance))
}

const journalPattern = /^journal\/(\d+)\/(\d+)$/

/** The split that the journal of a copy is. */
export function journalSplit(life: number, instance: number): string {
  return `journal/${life}/${instance}`
}

export interface JournalShare {
  readonly split: string
  readonly life: number
  readonly instance: number
}

/**
 * Journals that a copy reads beside its own: those of copies that are no more, and of itself in another life. `left`: copies that are no
 * more; they may have acknowledged something and ended before there was a snapshot that knows of their journals.
 */
export function dealJournals(
  known: SourcePositions | undefined,
  own: string,
  { instance, instances }: Copy,
  left: readonly Omit<JournalShare, 'split'>[] = [],
): readonly JournalShare[] {
  const shares = new Map<string, JournalShare>()
  const add = (life: number, of: number): void => {
    const split = journalSplit(life, of)
    if (split !== own && of % instances === instance) shares.set(split, { split, life, instance: of })
  }
  for (const split of Object.keys(known ?? {})) {
    const found = journalPattern.exec(split)
    if (found !== null) add(Number(found[1]), Number(found[2]))
  }
  for (const { life, instance: of } of left) add(life, of)
  return [...shares.values()]
}
