import type { ErrorText, NetworkVersion, VersionRecord } from '../protocol/index.ts'

/** Copies of all components of a network in a cluster: a plan is one value of the store, which holds a MiB. */
export const networkInstancesMax = 4096

/** Why no plan can be made of a version, whatever nodes there are. */
export function cannotBePlanned(
  record: VersionRecord | undefined,
  version: NetworkVersion,
): ErrorText | undefined {
  if (record === undefined)
    return {
      code: 'STORE_CORRUPT',
      message: `The record of version ${version} is missing.`,
      remedy: 'Deploy the network again.',
    }
  const copies = Object.values(record.flat.components).reduce((sum, { instances = 1 }) => sum + instances, 0)
  if (copies <= networkInstancesMax) return undefined
  return {
    code: 'NETWORK_TOO_LARGE',
    message: `The network has ${copies} instances; a cluster runs at most ${networkInstancesMax} of one network.`,
    remedy: 'Take fewer copies, or divide it into several networks.',
  }
}
