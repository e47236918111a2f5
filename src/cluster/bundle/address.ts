import { isHash } from './bundle.ts'

/**
 * Addresses of code in bundles: `bundle:<hash>/<path>`, with `#export` or `##name` as those of files have it. They mean
 * the same wherever they are read, and nodes make addresses of files of them.
 */
export interface BundleAddress {
  readonly hash: string
  readonly path: string
  /** With the `#`; empty where there is none. */
  readonly fragment: string
}

const scheme = 'bundle:'

/**
 * What parts of a deployment are relative to, in which everything is in bundles: the same wherever it was made, so that a
 * deployment from another folder changes nothing.
 */
export const bundleBase = 'file:///bundle/'

export function bundleAddress({ hash, path, fragment }: BundleAddress): string {
  return `${scheme}${hash}/${path}${fragment}`
}

/** Undefined for every other address. */
export function parseBundleAddress(address: string): BundleAddress | undefined {
  if (!address.startsWith(scheme)) return undefined
  const [, hash = '', path = '', fragment = ''] = /^bundle:([^/#]*)\/([^#]*)((?:#.*)?)$/s.exec(address) ?? []
  return isHash(hash) && path !== '' ? { hash, path, fragment } : undefined
}
