import type { Json } from '../../../src/model/network.ts'
import type { Kind } from '../../../src/component/index.ts'
import type { Store } from '../../../src/store/store.ts'
import type { Message } from './world.ts'

/** A kind that publishes with the commit, and what it writes to. */
export interface SinkSubject {
  readonly name: string
  /** It knows which snapshot it has of a writer. Default true. Without, it may be asked to write again what it has, and does not. */
  readonly tellsNewest?: boolean
  /** What one writer wrote keeps its order. Default true. */
  readonly keepsOrder?: boolean
  /** It measures what it has received, and takes no more than 64 MiB between two snapshots. Default false. */
  readonly isBounded?: boolean
  /** One target that is empty. */
  open(): Promise<SinkTarget>
}

export interface SinkTarget {
  readonly kind: Kind
  readonly config: Readonly<Record<string, Json>>
  readonly store?: Store
  /** What a reader sees now. Throws where he sees what is not whole. */
  read(): Promise<readonly Message[]>
  /** The target takes nothing for a while. Not for those that are always there. */
  setDown?(isDown: boolean): Promise<void>
  close(): Promise<void>
}
