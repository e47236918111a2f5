import { VertigoError } from '../../base/errors.ts'
import {
  addressesIn,
  bundleBodyBytesMax,
  type BundleStore,
  decodeBundle,
  isHash,
  parseBundleAddress,
  shortHash,
} from '../../cluster/bundle/index.ts'
import type { Deployment } from '../../cluster/client/index.ts'
import type { ApiRoute } from '../route.ts'
import * as schemas from '../schemas.ts'

const path = '/v1/bundles/:hash'

/** Code for nodes that do not have it: whoever deploys a network sends its bundles first. */
export const bundleRoutes: readonly ApiRoute[] = [
  {
    method: 'POST',
    path: `${path}/use`,
    id: 'useBundle',
    summary:
      'Says that a bundle is about to be deployed: whether the cluster has it. It is kept for an hour from then on, also without a network that names it.',
    role: 'operator',
    answer: schemas.bundleThere,
    async handle({ params }, { bundles }) {
      return { there: await bundles.use(checkedHash(params['hash'])) }
    },
  },
  {
    method: 'PUT',
    path,
    id: 'putBundle',
    summary:
      'Takes a bundle: four bytes with the length of its manifest (big-endian), the manifest, and its files. What does not match its hash is refused.',
    role: 'operator',
    takesBytes: true,
    bodyBytesMax: bundleBodyBytesMax,
    answer: schemas.bundleThere,
    async handle({ params, body }, { bundles }) {
      const hash = checkedHash(params['hash'])
      if (!(body instanceof Uint8Array))
        throw new VertigoError('API_REQUEST_INVALID', 'The request has no bytes of a bundle.')
      await bundles.put(decodeBundle(hash, body))
      return { there: true }
    },
  },
]

/** Before anything is written: a version whose code nobody has would be refused by each node. Errors: BUNDLE_MISSING. */
export async function requireBundles({ part }: Deployment, bundles: BundleStore): Promise<void> {
  const hashes = addressesIn(part).map(({ address }) => parseBundleAddress(address)?.hash)
  for (const hash of new Set(hashes.filter((one) => one !== undefined)))
    if (!(await bundles.use(hash)))
      throw new VertigoError('BUNDLE_MISSING', `The store has no bundle ${shortHash(hash)}.`)
}

function checkedHash(text: string | undefined): string {
  if (text !== undefined && isHash(text)) return text
  throw new VertigoError('API_REQUEST_INVALID', 'A bundle is named by its hash: 64 hexadecimal digits.')
}
