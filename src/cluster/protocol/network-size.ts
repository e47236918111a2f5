import type { FlatNetwork } from '../../model/flatten.ts'

/** Copies of all components of a network in a cluster: a plan is one value of the store, which holds a MiB. */
export const networkInstancesMax = 4096

/** Why no plan can be made of a network, whatever nodes there are. */
export function networkTooLarge({ components }: Pick<FlatNetwork, 'components'>) {
  const copies = Object.values(components).reduce((sum, { instances = 1 }) => sum + instances, 0)
  if (copies <= networkInstancesMax) return undefined
  return {
    code: 'NETWORK_TOO_LARGE',
    message: `The network has ${copies} instances; a cluster runs at most ${networkInstancesMax} of one network.`,
    remedy: 'Take fewer copies, or divide it into several networks.',
  } as const
}
