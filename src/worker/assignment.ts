import type { SourcePositions } from '../component/define.ts'
import type { ChannelLimits } from '../messaging/limits.ts'
import type { ErrorPolicy, Guarantee } from '../model/network.ts'
import type { InstanceRestore } from '../snapshot/part.ts'
import type { StateSettings } from '../state/keyed-state.ts'

/** What a worker is to host, as plain data: it crosses threads, and later nodes. */
export interface WorkerAssignment {
  readonly worker: number
  readonly network: string
  /** Of the cluster, where there is one. */
  readonly cluster?: string
  /** Of the plan. 0 where there is one assignment only, which never changes. */
  readonly generation: number
  /** All workers of the plan: what another one had sent is all that there will be of it. */
  readonly workers: readonly number[]
  readonly instances: readonly InstanceAssignment[]
  /** Workers that it shares channels with, or has to do with for a cycle. */
  readonly peers: readonly number[]
  /** Those that its instances are in, where somebody has to end them; in a run, that is for the run to do. */
  readonly cycles?: readonly CycleAssignment[]
  readonly limits: ChannelLimits
  readonly emitPerMessageMax: number
  /** Where keyed state is kept. Absent: in memory. */
  readonly state?: StateSettings
  /** Changes of state are noted, since snapshots are taken of the network. Default false. */
  readonly takesSnapshots?: boolean
  /** Address of their storage, where the worker is to open it by itself. */
  readonly snapshots?: string
  /** Of the network, as it is in force. */
  readonly guarantee: Guarantee
}

/** As targets of sinks know an instance: the same in each of its lives, and no other's. */
export function writerOf(
  { cluster, network }: Pick<WorkerAssignment, 'cluster' | 'network'>,
  component: string,
  instance: number,
): string {
  return [...(cluster === undefined ? [] : [cluster]), network, component, instance].join('/')
}

/** Instances of which each is reached from each other, as far as a worker has a part in it; see `cycles.ts`. */
export interface CycleAssignment {
  /** Means the same to all workers of the plan. */
  readonly cycle: number
  /** Those with a part in it. The first watches over it. */
  readonly workers: readonly number[]
  /** Of this worker. */
  readonly instances: readonly number[]
  /** Channels within it: those that come to these instances, and those that go from them. */
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
}

/** A module of the user's, or a built-in kind: an address, and the URL of the file that it is relative to. */
export interface ModuleAddress {
  readonly address: string
  readonly base: string
}

export interface InstanceAssignment {
  /** Of one life of the instance: with another id, it starts afresh. */
  readonly id: number
  /** Number of the instance in the whole network; the place of its counters. */
  readonly index: number
  /** It finishes what it has, and ends: its sources are gone, or it is one that is asked for no more. */
  readonly draining: boolean
  /** Some of its sources are not placed at the moment: it does not end before they have come, and ended. */
  readonly awaitsSources: boolean
  /** Some of its sources have finished and have no place any more: it ends without them, also where it has no input left. */
  readonly hasDoneSources?: boolean
  readonly component: string
  readonly instance: number
  readonly instances: number
  readonly kind: ModuleAddress
  readonly config: Readonly<Record<string, unknown>>
  readonly concurrency: number | undefined
  readonly order: 'input' | 'completion' | undefined
  readonly errors: ErrorPolicy | undefined
  readonly hooks: readonly ModuleAddress[]
  readonly inputs: readonly InputAssignment[]
  readonly outputs: readonly OutputAssignment[]
  /** Sent to the instance's inputs before anything else; once in its life. */
  readonly initial: readonly InitialAssignment[]
  /** Of a source: where it goes on. Without it, it begins. */
  readonly positions?: SourcePositions
  /** Of a source that cannot rewind, where nothing is to be lost: what it gives goes through its journal. */
  readonly journal?: JournalAssignment
  /** The snapshot's parts that it goes on from. Without it, it begins. */
  readonly restore?: InstanceRestore
  /** In place of `restore`, where somebody lets the component begin afresh: only what its sink had not published yet counts. */
  readonly discarded?: InstanceRestore
}

export interface JournalAssignment {
  /** Of the deployment: with another one, it begins afresh. */
  readonly life: number
  /** Of the network, shared by all nodes. Default: a folder of the node. */
  readonly folder?: string
  /** What the journal may hold. Default: as journals do. */
  readonly bytesMax?: number
  /** Those of copies that are no more, which it reads beside its own: also where no snapshot knows of them yet. */
  readonly left?: readonly { readonly instance: number; readonly life: number }[]
}

/** A constant for an input port. */
export interface InitialAssignment {
  readonly port: string
  readonly value: unknown
  /** As for channels: how messages of the port are keyed. */
  readonly key: string | undefined
  readonly isHash: boolean
}

/** One channel that comes in. */
export interface InputAssignment {
  readonly channel: number
  /**
   * What it is called in snapshots, where the numbers of instances and channels are others: the same for the same connection between the
   * same copies. Needed where snapshots are taken.
   */
  readonly name?: string
  readonly port: string
  readonly fromWorker: number
  /** Id of the instance that it comes from. Needed where plans change (WI-5). */
  readonly from?: number
  /** Path of the routing key, where the connection is by `hash`. */
  readonly key: string | undefined
  readonly isHash: boolean
  /** Whether it comes from outside of the network (a source): its messages are checked against the port's schema. */
  readonly fromEdge: boolean
  /** It closes a cycle. Default false. */
  readonly back?: boolean
  readonly hooks: readonly ModuleAddress[]
}

/** In place of a worker: the target is not placed at the moment. What is sent to it waits at the source. */
export const nowhere = -1

/** One connection that goes out. */
export interface OutputAssignment {
  /** Its number in the network. */
  readonly connection: number
  /** What it is called in snapshots; see `InputAssignment`. */
  readonly name?: string
  readonly port: string
  readonly selector:
    | { readonly type: 'round-robin' | 'random' | 'fair' | 'all' }
    | { readonly type: 'hash'; readonly key: string | undefined }
    | { readonly type: 'custom'; readonly module: ModuleAddress }
  /** An edge that closes a cycle knows no back-pressure. */
  readonly back: boolean
  /** Where it differs from the worker's limits. */
  readonly limits?: Partial<ChannelLimits>
  readonly hooks: readonly ModuleAddress[]
  /** By instance of the target. Where `toWorker` is `nowhere`, the number of the channel means nothing. */
  readonly channels: readonly { readonly channel: number; readonly toWorker: number }[]
}
