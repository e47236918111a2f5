import type { Inbox } from '../messaging/inbox.ts'
import type { ChannelSource, InputChannel } from '../messaging/input-channel.ts'
import type { OutputChannel } from '../messaging/output-channel.ts'
import { OutputPort } from '../messaging/output-port.ts'
import type { ParkedTarget } from '../messaging/parked-target.ts'
import type { InstanceAssignment } from './assignment.ts'
import type { ChannelParts } from './channel-parts.ts'
import { ComponentInstance } from './component-instance.ts'
import type { Instance } from './instance.ts'
import type { InstanceCounters } from './worker-means.ts'

/** Both ends of a channel within the worker. Credit goes to the sending end, once that is made. */
export interface LocalEnd extends ChannelSource {
  readonly inbox: Inbox
  channel: InputChannel | undefined
  source: OutputChannel | undefined
}

/** The receiving end of a channel at one of the worker's instances. */
export interface InputEnd {
  readonly channel: InputChannel
  readonly fromWorker: number
  /** The instance that it comes from, where plans change. */
  readonly from: number | undefined
  readonly local: LocalEnd | undefined
  /** It was ended here, since its source will not. */
  isClosing: boolean
}

/** The sending end of a channel at one of the worker's instances. */
export interface OutputEnd {
  readonly channel: OutputChannel
  readonly port: OutputPort
  readonly isBack: boolean
  /** Where it sends while its target is not placed. */
  readonly parked: ParkedTarget | undefined
  /** `nowhere` while it waits for its target to be placed. */
  toWorker: number
}

/** An instance with its ends of channels, as a worker keeps it from its preparation to its close. */
export class HostedInstance {
  readonly id: number
  readonly instance: Instance
  /** As it is connected, or is about to be. */
  assigned: InstanceAssignment
  readonly ports = new Map<string, OutputPort>()
  /** By channel: those of the plan, and of the one that is prepared. */
  readonly inputs = new Map<number, InputEnd>()
  /**
   * Those whose source, which drained, has ended them, while the plan still has them: they are not made again. With how many
   * parcels had come by them.
   */
  readonly gone = new Map<number, number>()
  /** Those that the plan does not have any more, until their end has been handled. */
  readonly leaving = new Set<InputEnd>()
  /** By channel; by connection and number of the copy while the target is not placed. */
  readonly outputs = new Map<number | string, OutputEnd>()
  /** What each port was last connected to: a port that nothing changes for is not touched. */
  readonly connectedTo = new Map<string, string>()
  /** It has handled all there was, and may be closed by now. */
  hasFinished = false
  /** And has published what it had to. */
  isTold = false
  /** It is over, and can publish what it has with the next snapshot. */
  awaitsSnapshot = false
  /** Constants were put into its inbox, which happens once in its life. */
  hasConstants = false
  private settingUp: Promise<void> | undefined

  constructor(assigned: InstanceAssignment, instance: Instance) {
    this.id = assigned.id
    this.assigned = assigned
    this.instance = instance
    instance.outputs = Object.keys(instance.definition.outputs).map((name) => this.port(name))
  }

  /**
   * Once, however often it is asked for: a later preparation takes over what an earlier one has begun. `restore` reads what it goes on
   * from.
   */
  setup(restore: () => Promise<void>): Promise<void> {
    this.settingUp ??= this.restoreAndSetUp(restore)
    return this.settingUp
  }

  private async restoreAndSetUp(restore: () => Promise<void>): Promise<void> {
    await restore()
    const { instance } = this
    const hasToPublish = instance.restoredSinks?.sinks.some(({ staged }) => staged.length > 0) ?? false
    if (!instance.wasOver || hasToPublish) await instance.setup()
  }

  port(name: string): OutputPort {
    let port = this.ports.get(name)
    if (port === undefined) {
      port = new OutputPort(name, [], [], this.instance.nextGroupId)
      this.ports.set(name, port)
    }
    return port
  }

  get component(): ComponentInstance | undefined {
    return this.instance instanceof ComponentInstance ? this.instance : undefined
  }

  get counters(): InstanceCounters {
    const { received, sent, queuedMessages: queued, rejectedCount: rejected, outbox } = this.instance
    return { received, sent, queued, rejected, isBlocked: outbox.blocked > 0, isFinished: this.hasFinished }
  }

  /** Nothing is sent by it any more, and nothing handled. */
  get isOver(): boolean {
    const { state } = this.instance
    return state === 'finished' || state === 'failed' || state === 'closed'
  }

  /** Messages that it has sent wait here for targets that have no place. */
  get hasParked(): boolean {
    return [...this.outputs.values()].some(({ parked }) => parked?.holdsMessages === true)
  }

  get switchingPorts(): readonly OutputPort[] {
    return [...this.ports.values()].filter((port) => port.isSwitching)
  }

  /** Ports that have no name in the component's declaration, and that of rejections, whether it is declared or not. */
  listImplicitPorts(): void {
    const { instance, ports } = this
    const declared = Object.keys(instance.definition.outputs)
    const implicit = [...ports].filter(([name, port]) => port.isConnected && !declared.includes(name))
    const error = ports.get('error')
    instance.implicitOutputs = new Map(implicit)
    instance.errorOutput = error?.isConnected ? error : undefined
  }
}

/** What a worker has prepared of an assignment for one instance. */
export interface PreparedInstance {
  readonly hosted: HostedInstance
  readonly assigned: InstanceAssignment
  readonly parts: ChannelParts
}
