import type { Cancel, Clock } from '../../base/clock.ts'
import type { InstanceStatus, NetworkStatus } from '../../cluster/client/index.ts'
import { visible } from '../store/entry-text.ts'

/** Before it is told what a network waits for: most of that is over in a moment. */
const hindranceMs = 2_000

/** What a change of a network waits for, as far as its status says; undefined where nothing is known to keep it. */
export function hindrance({
  state,
  before,
  instances,
  failures,
  snapshots,
}: NetworkStatus): string | undefined {
  if (state === 'running' || state === 'finished' || state === 'failed' || state === 'stopped')
    return undefined
  const { damaged, failing } = snapshots ?? {}
  const fault = ({ code, message }: { readonly code: string; readonly message: string }): string =>
    `${code}: ${visible(message)}`
  if (damaged !== undefined) return `an operator: ${fault(damaged)}`
  const failed = failing && fault({ code: failing.code, message: failing.reason })
  if (before?.state === 'stopping') {
    const ofSnapshots = failed === undefined ? '' : `. Its snapshots come to nothing: ${failed}`
    return `version ${before.version}, which was undeployed, to come to its end${ofSnapshots}`
  }
  const waiting = instances.filter((one) => one.state === 'waiting')
  if (waiting.length > 0)
    return `a place for ${nameOf(waiting[0]!)}${andMore(waiting)}: ${visible(waiting[0]!.reason ?? '')}`
  const failure = failures.at(-1)
  if (failure !== undefined)
    return `${failure.component}, which failed ${failure.count} times: ${fault(failure.error)}`
  if (failed !== undefined) return `a snapshot, and each comes to nothing: ${failed}`
  const starting = instances.filter((one) => one.state === 'starting')
  if (starting.length === 0) return undefined
  const { node } = starting[0]!
  return `${nameOf(starting[0]!)}${node === undefined ? '' : ` on ${node}`}${andMore(starting)} to be set up`
}

function nameOf({ component, index }: InstanceStatus): string {
  return `${component}[${index}]`
}

function andMore({ length }: readonly unknown[]): string {
  return length === 1 ? '' : ` and ${length - 1} more`
}

/** Tells what is waited for when that has stood for a while, and again when it has become something else. */
export class HindranceTeller {
  readonly #clock: Clock
  readonly #tell: (line: string) => void
  #now: string | undefined
  #told: string | undefined
  #cancel: Cancel = () => undefined

  constructor(clock: Clock, tell: (line: string) => void) {
    this.#clock = clock
    this.#tell = tell
  }

  /** What is waited for now; undefined: nothing. */
  is(what: string | undefined): void {
    if (what === this.#now) return
    this.#cancel()
    this.#now = what
    if (what === undefined || what === this.#told) return
    this.#cancel = this.#clock.after(hindranceMs, () => {
      this.#told = what
      this.#tell(`waits for ${what}`)
    })
  }

  close(): void {
    this.#cancel()
  }
}

/** Tells what a call waits for where it takes longer than that. */
export async function tellWhileLate<T>(
  call: Promise<T>,
  what: string,
  clock: Clock,
  tell: (line: string) => void,
): Promise<T> {
  const teller = new HindranceTeller(clock, tell)
  teller.is(what)
  try {
    return await call
  } finally {
    teller.close()
  }
}
