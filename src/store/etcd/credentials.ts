import { ChannelCredentials } from '@grpc/grpc-js'
import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import { VertigoError } from '../../base/errors.ts'

export interface EtcdTls {
  /** Certificates of the authorities to trust, in PEM. Default: those that Node trusts. */
  readonly ca?: Uint8Array
  /** The client's certificate and key, in PEM; both or none. */
  readonly cert?: Uint8Array
  readonly key?: Uint8Array
}

/** How an endpoint is connected to. */
export interface Credentials {
  readonly channel: ChannelCredentials
  readonly options: Readonly<Record<string, string>>
}

/**
 * An address is no name of a server: TLS knows no such thing, Node refuses to send one, and `@grpc/grpc-js` would. So a
 * name that nobody has is sent in its place, and the certificate is checked for the address.
 */
const nameForAddresses = 'etcd.invalid'

export function credentialsFor(address: string, tls: EtcdTls | undefined): Credentials {
  if (tls === undefined) return { channel: ChannelCredentials.createInsecure(), options: {} }
  const host = address.slice(0, address.lastIndexOf(':')).replaceAll(/[[\]]/g, '')
  const buffer = (bytes: Uint8Array | undefined): Buffer | null => (bytes ? Buffer.from(bytes) : null)
  const { ca, cert, key } = tls
  try {
    const channel = ChannelCredentials.createSsl(buffer(ca), buffer(key), buffer(cert), {
      checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
    })
    return { channel, options: isIP(host) === 0 ? {} : { 'grpc.ssl_target_name_override': nameForAddresses } }
  } catch (error) {
    throw new VertigoError('STORE_REFUSED', 'The certificates or the key for TLS cannot be used.', {
      cause: error,
    })
  }
}
