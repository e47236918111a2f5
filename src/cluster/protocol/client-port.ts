/**
 * An exported port of a deployed network is served by a component of its own, which is put into the network with it. Its name
 * cannot be one that people write.
 */

export type ClientPortSide = 'input' | 'output'

export function clientPortName(side: ClientPortSide, port: string): string {
  return `client-${side}:${port}`
}

export function isClientPort(component: string): boolean {
  return /^client-(input|output):/.test(component)
}
