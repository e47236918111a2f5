import { createHash } from 'node:crypto'
import { type Bundle, makeBundle } from '../../../src/cluster/bundle/bundle.ts'

/** A bundle of many parts that says the same for the same number, in whatever process it is made. */
export function largeBundle(number: number): Bundle {
  const block = createHash('sha512').update(`bundle ${number}`).digest()
  return makeBundle('index.js', new Map([['index.js', Buffer.alloc(bundleBytes, block)]]), [])
}

const bundleBytes = 12 * 1024 * 1024

export interface UploadOrder {
  readonly storeUrl: string
  readonly cluster: string
  readonly number: number
}
