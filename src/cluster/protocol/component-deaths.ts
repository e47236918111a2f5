import type { ErrorText } from './fields.ts'
import type { NodeId } from './numbers.ts'
import type { ComponentDeaths, Plan } from './plan.ts'

/** What people are told of components that nodes have died with. */

/** Nodes that are lost to a component before it waits: fewer than the smallest cluster that is to survive has. */
export const deathsMax = 2

/** Undefined where there were too few to say anything. */
export function deathsError({ component, count, nodes }: ComponentDeaths): ErrorText | undefined {
  if (count < deathsMax) return undefined
  return {
    code: 'NODES_DIED',
    component,
    message: `Nodes have ended ${count} times soon after getting the component "${component}", at last ${processesOf(nodes)}.`,
    remedy: 'See what these nodes printed last; mend the component, and deploy the network again.',
  }
}

/** Whether somebody has to say that it may be tried again. */
export function isHeldBack({ deaths = [], waiting }: Plan): boolean {
  const waits = new Set(waiting.map(({ component }) => component))
  return deaths.some(({ component, count }) => count >= deathsMax && waits.has(component))
}

export function processesOf(nodes: readonly NodeId[]): string {
  return nodes.length === 1
    ? `the process of the node ${nodes[0]}`
    : `the processes of the nodes ${nodes.join(' and ')}`
}
