import type { Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import type { Logger } from '../component/context.ts'
import type { HostedInstance } from './hosted.ts'
import type { Instance } from './instance.ts'
import { namedError } from './named-error.ts'

/** How long the authors' `close` may take before the worker goes on without it. */
const closeMsMax = 5_000

/** How long a `setup` that is under way may take to notice the signal when the worker is closed. */
const lateSetupMsMax = 500

/** Closes instances: all of them at the end of a worker, single ones while it goes on. */
export class Closer {
  private readonly clock: Clock
  private readonly closing = new Map<HostedInstance, Promise<void>>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Of one that is gone from the network, which goes on without it: an error is for the log. */
  close(hosted: HostedInstance): void {
    if (this.closing.has(hosted)) return
    const closed = this.closeInTime(hosted)
      .catch((error: unknown) => {
        ;(hosted.instance.logger as Logger).error(closeError(hosted, error).message)
      })
      .finally(() => this.closing.delete(hosted))
    this.closing.set(hosted, closed)
  }

  /** Errors come as one, after all were called. `onClose` is told whose turn it is, then of nobody. */
  async closeAll(
    all: readonly HostedInstance[],
    onClose: (instance: Instance | undefined) => void,
  ): Promise<void> {
    const closing = new Set(all)
    const closed = Promise.allSettled(
      all.map((hosted) => {
        onClose(hosted.instance)
        return hosted.instance.close().finally(() => closing.delete(hosted))
      }),
    )
    onClose(undefined)
    const results = await this.within(closed, closeMsMax)
    await this.within(Promise.allSettled(this.closing.values()), closeMsMax)
    // A `setup` that goes on all the same closes what it has opened when it is done.
    await this.within(Promise.allSettled(all.map(({ instance }) => instance.lateSetup)), lateSetupMsMax)
    if (results === 'late') throw closeTimeout([...closing].map(({ instance }) => instance.place))
    for (const [i, result] of results.entries()) {
      if (result.status === 'rejected') throw closeError(all[i]!, result.reason)
    }
  }

  private async closeInTime({ instance }: HostedInstance): Promise<void> {
    const result = await this.within(instance.close(), closeMsMax)
    await this.within(Promise.allSettled([instance.lateSetup]), lateSetupMsMax)
    if (result === 'late') throw closeTimeout([instance.place])
  }

  private async within<T>(promise: Promise<T>, msMax: number): Promise<T | 'late'> {
    let cancel = (): void => undefined
    const late = new Promise<'late'>((resolve) => {
      cancel = this.clock.after(msMax, () => resolve('late'))
    })
    const result = await Promise.race([promise, late]).finally(() => cancel())
    return result
  }
}

function closeTimeout(places: readonly string[]): VertigoError {
  const component = places.length === 1 ? places[0] : undefined
  return new VertigoError(
    'CLOSE_TIMEOUT',
    `${places.join(', ')} took longer than ${closeMsMax} ms to close`,
    { place: { component } },
  )
}

function closeError({ instance }: HostedInstance, error: unknown): VertigoError {
  return namedError(instance.place, 'failed while it was closed', error)
}
