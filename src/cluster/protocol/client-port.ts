import type { FlatNetwork } from '../../model/flatten.ts'

/**
 * An exported port of a deployed network is served by a component of its own, which is put into the network with it. Its name
 * cannot be one that people write.
 */

export type ClientPortSide = 'input' | 'output'

export function clientPortName(side: ClientPortSide, port: string): string {
  return `client-${side}:${port}`
}

/** Its readers get what is committed, and are waited for at the end of the network. */
export function givesCommitted(component: string, flat: FlatNetwork): boolean {
  const planned = Object.hasOwn(flat.components, component) ? flat.components[component] : undefined
  const config = planned?.config as { readonly committed?: unknown } | undefined
  return planned?.kind === 'client-output' && config?.committed === true
}

export function isClientPort(component: string): boolean {
  return /^client-(input|output):/.test(component)
}
