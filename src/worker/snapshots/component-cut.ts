import type { Inbox } from '../../messaging/inbox.ts'
import type { InputChannel } from '../../messaging/input-channel.ts'
import type { SnapshotBegin } from '../../snapshot/part.ts'
import type { InstanceHost, Schedulable } from '../host.ts'
import type { TaskRunner } from '../task-runner.ts'
import type { TimerSet } from '../timer-set.ts'
import { Alignment } from './alignment.ts'
import type { Saved } from './saved.ts'
import { type CutChannels, loggedChannels, restoreChannels, savedChannels } from './saved-channels.ts'

/** An instance with inputs, as its cut needs it. */
export interface CutOwner extends Schedulable {
  readonly place: string
  readonly inbox: Inbox
  readonly inputs: readonly { readonly name: string; readonly index: number }[]
  readonly tasks: Pick<TaskRunner, 'isIdle' | 'takenBack' | 'waitUntilIdle'>
  readonly timers: Pick<TimerSet, 'all' | 'restore'>
  readonly lastCut: number
  cut(begin: SnapshotBegin, alignedMs: number): void
  fail(error: unknown): void
}

/** When an instance with inputs takes the cut: when its inputs have come to it, and nothing is at work. And what is in it. */
export class ComponentCut {
  readonly alignment: Alignment
  private readonly owner: CutOwner
  private readonly host: Pick<InstanceHost, 'schedule' | 'late'>

  constructor(owner: CutOwner, host: Pick<InstanceHost, 'clock' | 'schedule' | 'late'>) {
    this.owner = owner
    this.host = host
    this.alignment = new Alignment(owner.inbox, host.clock, {
      news: () => host.schedule(owner),
      late: () => this.cutLate(),
    })
  }

  saved(saved: Saved): Saved {
    return { ...saved, timers: this.owner.timers.all, channels: savedChannels(this.channels) }
  }

  savedLate(): Promise<Saved['channels']> | undefined {
    return loggedChannels(this.channels)
  }

  restore({ timers, channels }: Saved): void {
    this.owner.timers.restore(timers)
    restoreChannels(channels, this.owner)
  }

  /** A barrier, behind what may be queued. */
  arrived(snapshot: number): void {
    this.alignment.arrived(snapshot)
  }

  cameTo(channel: InputChannel, snapshot: number): void {
    this.alignment.cameTo(channel, snapshot)
  }

  /** Whether the cut may be taken now. */
  get mayCut(): boolean {
    const { alignment, owner } = this
    if (!alignment.isPending) return false
    const { isIdle, takenBack } = owner.tasks
    return (isIdle && alignment.isComplete) || (takenBack !== undefined && alignment.mayOvertake)
  }

  /**
   * At both ends of a turn, also without credit: barriers need none. Where nothing but what is at work is waited for, nothing begins before
   * the cut. An instance with something to do at all times would else never come to it: what comes over back edges, and behind barriers that
   * are not held, does not end.
   */
  tryCut(): void {
    const { alignment, owner } = this
    if (!alignment.isPending) return
    if (!this.mayCut) {
      if (alignment.isComplete || alignment.mayOvertake) owner.tasks.waitUntilIdle()
      return
    }
    owner.cut(alignment.begun!, alignment.elapsedMs)
    alignment.taken()
  }

  /** It has come to its end, whatever that is. */
  ended(snapshot: number): void {
    this.alignment.ended(snapshot)
    for (const channel of this.owner.inbox.all) channel.forgetLog(snapshot)
  }

  stop(): void {
    this.alignment.stop()
  }

  private cutLate(): void {
    const { alignment, owner } = this
    try {
      this.tryCut()
    } catch (error) {
      owner.fail(error)
    }
    // A sink that was full may have room now.
    this.host.schedule(owner)
    const { begun, missing } = alignment
    if (begun === undefined) return
    const inputs = missing.map(({ name }) => name).join(', ')
    this.host.late(
      owner,
      begun,
      owner.tasks.takenBack === undefined ? 'what it has at work' : `barriers: ${inputs}`,
    )
  }

  private get channels(): CutChannels {
    const { inbox, inputs: ports, lastCut: snapshot, tasks } = this.owner
    return { channels: inbox.all, ports, snapshot, takenBack: tasks.takenBack ?? [] }
  }
}
