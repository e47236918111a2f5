/**
 * Sinks that publish with the commit of a snapshot: nothing of what an instance writes is to be seen before it is certain that no failure
 * takes it back, and then all of it, once. After the two-phase commits of Flink's sinks, with one difference: no transaction of the
 * target stays open between the two halves (servers roll them back when a connection ends, or do not allow it). What is prepared travels in
 * the snapshot instead.
 *
 * Order of calls, for each instance:
 *
 * - SK-1 `restored`, where a sink has it, comes first, after `setup` and before the first message; then `recover`, for each writer whose part
 *   of the snapshot the instance goes on from; then `commit` for those whose target does not have that snapshot. In a component that goes
 *   on, an instance whose number is new hears `recover` for its own name, with nothing for certain. An instance that begins afresh begins
 *   without all three; but where somebody lets its component begin afresh in a network that goes on (`--discard-state`), it hears `recover`
 *   and `commit` for what is committed and not published yet, and not `restored`. Errors of these two do not fail it then: they are tried
 *   again for a while, and what is still not published is told (SINK_DISCARDED) and dropped.
 * - SK-2 `prepare` at each cut, when no handler is at work. What it has given is the engine's: it is in the snapshot, and comes back with
 *   `commit`, in this life of the instance or in a later one, on this machine or on another.
 * - SK-3 `commit` only after that snapshot or a later one was committed, as the store says; one at a time, oldest first; messages go on
 *   meanwhile. An aborted snapshot takes nothing back: with the next one that is committed, what was prepared for it is published first.
 * - SK-4 A `commit` that rejects is called again with the same batch, after a pause that grows; one of the same snapshot may also come
 *   from an instance of before that has been replaced and does not know it yet. So all of it has to be repeatable. What belongs to one writer
 *   and snapshot is the same whoever brings it.
 */

/** Which snapshot. Of two of one writer, the newer one has the greater incarnation; of one incarnation, the greater id. */
export interface SinkSnapshot {
  /** Of the network's snapshots: a network that was forgotten, or a store that was set up anew, begins another one. */
  readonly incarnation: number
  readonly id: number
}

/** What an instance has prepared for one snapshot, and may publish. */
export interface SinkBatch<T = unknown> {
  /** Whose it is. Not always that of the instance which is called: with fewer instances than before, some publish for others. */
  readonly writer: string
  /** That it was prepared for. */
  readonly snapshot: SinkSnapshot
  /** What `prepare` gave. */
  readonly staged: T
}

/** `T`: what is staged, plain data as in messages. It is part of each snapshot until it is published, so it costs space there. */
export interface Sink<T = unknown> {
  /**
   * The instance goes on from this snapshot; also where nobody has left anything to publish. `isOver`: it had handled all there was, and only
   * publishes what is left.
   */
  restored?(snapshot: SinkSnapshot, isOver: boolean): void
  /**
   * Takes what was received since the last call: as the rows themselves, or the names of files that are durable by then. `undefined`: nothing.
   * A promise of it lets durable work go on beside the network, and delays the snapshot. Where it throws or rejects, the instance fails:
   * what it had received is in no snapshot.
   */
  prepare(snapshot: SinkSnapshot): T | undefined | PromiseLike<T | undefined>
  /**
   * It has received as much as it should hold until the next `prepare`. While it says so, its instance takes no messages; only what comes
   * before a snapshot that nothing may be on its way in (the last one of an undeployed network, one before other numbers of instances), or
   * before one that is late because of it, is handled all the same. Asked very often: compare two numbers. Do not pause the input in its place, which would hold up that snapshot for good.
   * Default: never.
   */
  isFull?(): boolean
  /**
   * The network is undeployed, and has taken its last snapshot: what comes from now on is in none. Called before the commits that follow from
   * it. Default: nothing.
   */
  undeployed?(): void
  /**
   * Writes `staged`, and `snapshot` under the name of `writer`, in one transaction of the target. Where the target has this snapshot of
   * the writer, or a newer one of the same incarnation, nothing is written: it has all of it. Where the target has one of a newer
   * incarnation, somebody else writes as this writer: throw SINK_AHEAD. Fulfilled when all is durable and to be seen.
   *
   * Errors are tried again, but for a VertigoError whose code is not `retryable`: that fails the instance at once.
   */
  commit(batch: SinkBatch<T>): void | PromiseLike<void>
  /**
   * The newest snapshot of the writer that the target has. `undefined`: none, or the target cannot tell, and takes every batch again.
   *
   * `published`: one that the writer has published for certain. A target that should know of it, and does not, has lost it, or is another one:
   * throw SINK_TARGET_LOST.
   *
   * `since`: the first snapshot that may be of this deployment. What the target has of an older one was written under this name by a
   * network that was deployed before, and does not run any more: for those whose first output replaces what was there. `undefined`: nobody
   * knows, since a version of before has written the snapshot.
   */
  recover(
    writer: string,
    published: SinkSnapshot | undefined,
    since?: SinkSnapshot,
  ): SinkSnapshot | undefined | PromiseLike<SinkSnapshot | undefined>
}

/** Above 0 where `a` is newer than `b`, 0 where they are the same. */
export function compareSinkSnapshots(a: SinkSnapshot, b: SinkSnapshot): number {
  return a.incarnation === b.incarnation ? a.id - b.id : a.incarnation - b.incarnation
}
