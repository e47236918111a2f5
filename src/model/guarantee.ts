import type { Component, Guarantee, Network } from './network.ts'

/** What a network keeps that says nothing of it, in a cluster. */
export const clusterGuarantee: Guarantee = 'at-most-once'

/** What a network keeps in a cluster. */
export function guaranteeInCluster({ guarantee }: Pick<Network, 'guarantee'>): Guarantee {
  return guarantee ?? clusterGuarantee
}

/** Whether something may be lost when a part of it fails; where not, snapshots are taken. */
export function losesNothing(guarantee: Guarantee): boolean {
  return guarantee !== 'at-most-once'
}

/** What of a kind says whether its sources have a journal. */
export interface JournalFacts {
  readonly role: string
  readonly rewinds: boolean
  readonly journal?: 'engine' | 'none'
}

/** Whether what the component gives goes through a journal of the engine's: it cannot give it again, and it is not to be lost. */
export function hasJournal(
  guarantee: Guarantee,
  { journal }: Pick<Component, 'journal'>,
  kind: JournalFacts,
): boolean {
  return losesNothing(guarantee) && lacksPositions(kind) && journal !== false && kind.journal !== 'none'
}

/** Whether the component can neither rewind nor has a journal, so that no network with it is exactly-once. */
export function cannotRepeat({ journal }: Pick<Component, 'journal'>, kind: JournalFacts): boolean {
  return lacksPositions(kind) && (journal === false || kind.journal === 'none')
}

function lacksPositions({ role, rewinds }: JournalFacts): boolean {
  return role === 'source' && !rewinds
}
