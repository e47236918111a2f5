import type { InstanceStatus, NetworkStatus } from 'vertigo-flow/cluster'

/** An instance, and what its node counts since it was started there. */
export interface CountedInstance extends InstanceStatus {
  readonly counters?: { readonly received: number; readonly sent: number }
}

export interface CountedStatus extends NetworkStatus {
  readonly instances: readonly CountedInstance[]
}

const answerMsMax = 5_000

/** Asks a node's HTTP API what has become of a network; any node answers for all. */
export async function look(api: string, network: string): Promise<CountedStatus> {
  const answer = await fetch(`${api}/v1/networks/${network}?counters=true`, {
    signal: AbortSignal.timeout(answerMsMax),
  })
  if (!answer.ok) throw new Error(`The API answers with ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as CountedStatus
}

export function nameOf({ component, index }: CountedInstance): string {
  return `${component}[${index}]`
}

/** Messages that all copies of a component have received or sent. */
export function total(
  { instances }: CountedStatus,
  component: string,
  what: 'received' | 'sent',
): number | undefined {
  let sum = 0
  for (const instance of instances) {
    if (instance.component !== component) continue
    // A node that is busy answers the next time.
    if (instance.counters === undefined) return undefined
    sum += instance.counters[what]
  }
  return sum
}
