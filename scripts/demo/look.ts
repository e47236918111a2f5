import type { InstanceStatus, NetworkStatus } from 'vertigo-flow/cluster'

const answerMsMax = 5_000

/** Asks a node's HTTP API what has become of a network; any node answers for all. */
export async function look(api: string, network: string): Promise<NetworkStatus> {
  const answer = await fetch(`${api}/v1/networks/${network}`, {
    signal: AbortSignal.timeout(answerMsMax),
  })
  if (!answer.ok) throw new Error(`The API answers with ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as NetworkStatus
}

export function nameOf({ component, index }: InstanceStatus): string {
  return `${component}[${index}]`
}
