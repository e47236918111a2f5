import type { Cancel, Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import type { HostedInstance } from './hosted.ts'

/** Groups that stream a file take their time; one that is never ended has to be named. */
export const portSwitchMsMaxDefault = 60_000

interface SwitchLimitMeans {
  readonly isHeld: () => boolean
  /** Ports that wait for an open group or batch. */
  readonly switching: () => readonly { readonly hosted: HostedInstance; readonly port: string }[]
}

/** Fails instances whose ports have not followed a change of the network within a time. */
export class SwitchLimit {
  private readonly clock: Clock
  private readonly msMax: number
  private readonly means: SwitchLimitMeans
  private cancelTimer: Cancel = () => undefined

  constructor(clock: Clock, msMax: number | undefined, means: SwitchLimitMeans) {
    this.clock = clock
    this.msMax = msMax ?? portSwitchMsMaxDefault
    this.means = means
  }

  cancel(): void {
    this.cancelTimer()
  }

  begin(): void {
    const { means, msMax } = this
    this.cancel()
    if (means.switching().length === 0) return
    this.cancelTimer = this.clock.after(msMax, () => {
      if (means.isHeld()) {
        this.begin()
        return
      }
      for (const { hosted, port } of means.switching()) {
        hosted.instance.fail(
          new VertigoError(
            'PORT_SWITCH_TIMEOUT',
            `output port "${port}" has had a group or batch open for ${msMax} ms since its network was changed`,
            { place: { port } },
          ),
        )
      }
    })
  }
}
