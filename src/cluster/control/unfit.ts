import {
  type ErrorText,
  networkTooLarge,
  type NetworkVersion,
  type VersionRecord,
} from '../protocol/index.ts'

/** Why no plan can be made of a version, whatever nodes there are. */
export function cannotBePlanned(
  record: VersionRecord | undefined,
  version: NetworkVersion,
): ErrorText | undefined {
  if (record !== undefined) return networkTooLarge(record.flat)
  return {
    code: 'STORE_CORRUPT',
    message: `The record of version ${version} is missing.`,
    remedy: 'Deploy the network again.',
  }
}
