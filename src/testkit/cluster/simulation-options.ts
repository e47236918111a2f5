import type { Kind } from '../../component/kind.ts'
import type { Override } from '../../run/types.ts'

/**
 * What can go wrong in a simulated cluster. Each lasts for up to three seconds of simulated time, and several may come together.
 *
 * - `kill`, `killManager`, `killAll`: processes of nodes end at once (SIGKILL), and are started again.
 * - `killAtStep`: the next node that does something is killed before it, when it is done, or after it: writes to the store, what is
 *   heard from it, and what is asked of workers.
 * - `freeze`: a node stands still (SIGSTOP), and goes on where it was.
 * - `workerDies`, `workerStands`: a worker thread ends, or stands still while its node goes on.
 * - `workerDiesAtStep`: it ends while it follows a change.
 * - `cut`: what one node sends to another does not arrive, in one direction or both.
 * - `wall`: calls to a node are refused although it lives, as by a firewall.
 * - `linesBreak`: connections between two nodes break, and are made again.
 * - `storeGone`, `storeSlow`: nodes do not reach the store, or slowly, with answers that are lost.
 * - `compaction`: watches of the store miss what happens, and what they missed is gone.
 * - `clockJumps`: the time of day of a node is up to an hour off.
 * - `drain`: a node is drained.
 * - `componentThrows`: the next message of a component fails. `setupFails`: its new instances cannot be set up.
 */
export type ClusterFault =
  | 'kill'
  | 'killManager'
  | 'killAll'
  | 'killAtStep'
  | 'freeze'
  | 'workerDies'
  | 'workerDiesAtStep'
  | 'workerStands'
  | 'cut'
  | 'wall'
  | 'linesBreak'
  | 'storeGone'
  | 'storeSlow'
  | 'compaction'
  | 'clockJumps'
  | 'drain'
  | 'componentThrows'
  | 'setupFails'

/** A node of a simulated cluster. */
export interface SimulatedNodeOptions {
  /** Unique. Letters, digits, `-` and `_`. */
  readonly id: string
  /** Groups that it takes components of, as `vertigo node --groups`. Default: none. */
  readonly groups?: readonly string[]
  /** What placement rules ask for. Default: none. */
  readonly labels?: Readonly<Record<string, string>>
  /** Worker threads. Default 2, so that there are channels within a node as well as between nodes. */
  readonly workers?: number
}

export interface ClusterSimulationOptions {
  /**
   * Kinds in place of those that the network names, by component: a source that makes messages where the real one reads a
   * file. They must have the ports of the real ones. Default: none.
   */
  readonly kinds?: Readonly<Record<string, Kind>>
  /** Changed values of the network, as by `vertigo run --set`. */
  readonly set?: readonly Override[]
  /** How many nodes there are, or which ones. Default 3: one may fail, and there still are two to talk to each other. */
  readonly nodes?: number | readonly SimulatedNodeOptions[]
  /** The first seed, a whole number. The same seed gives the same run. Default 1. */
  readonly seed?: number
  /** How many seeds are run, one after the other. Default 20, which takes some seconds; 1 where `seed` is given. */
  readonly seeds?: number
  /** What goes wrong, drawn from the seed. Default: everything. `[]`: nothing. */
  readonly faults?: readonly ClusterFault[]
  /**
   * How long faults come, in simulated milliseconds, from when the network runs. Default 5,000: long enough for
   * some eight faults, of which some last for longer than a node's lease (1,000 ms).
   */
  readonly faultsForMs?: number
  /**
   * After the faults, asked every 50 simulated ms: true ends the run. Default: true, so a network whose sources never end runs
   * for a second more, and is then undeployed. A network that ends by itself ends the run as well.
   */
  readonly until?: (run: SimulatedRun) => boolean
  /** How long `until` may take to come true, in simulated milliseconds. Default 60,000. */
  readonly untilMsMax?: number
  /** Looks at what has happened when everything has come to rest; what it throws fails the seed. */
  readonly check?: (run: SimulatedRun) => void
  /** Gets a line for all that happens. Default: nobody. */
  readonly trace?: (line: string) => void
}

/** A message that was seen on its way. */
export interface ObservedMessage {
  /** Frozen. */
  readonly message: unknown
  /** Which copy of the component sent or handled it, from 0. */
  readonly instance: number
  /** The node that this copy was on. */
  readonly node: string
  /** Since the beginning of the run, in simulated milliseconds. */
  readonly atMs: number
}

/** The run of one seed. */
export interface SimulatedRun {
  readonly seed: number
  /**
   * What came to the handlers of an input (`save.row`) over connections, in its order, by all copies. A handler may have failed
   * then. Errors: PORT_UNKNOWN.
   */
  received(port: string): readonly ObservedMessage[]
  /** What an output that is connected or exported (`count.counted`) sent, in its order, by all copies. Errors: PORT_UNKNOWN. */
  sent(port: string): readonly ObservedMessage[]
  /** Instances that came to a violent end, such as `count[1]`: what they had on their way, and in memory, is lost. */
  readonly lost: readonly string[]
  /** How many things went wrong. */
  readonly faults: number
  /** Of all that happened: the same for the same seed, unless the code does something that the seed does not say. */
  readonly hash: number
}

/** What is left of a run. */
export type SimulatedRunSummary = Pick<SimulatedRun, 'seed' | 'lost' | 'faults' | 'hash'> & {
  /** Messages that were handled, all components together. */
  readonly handled: number
}
