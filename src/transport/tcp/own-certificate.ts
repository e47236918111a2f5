import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import type { ErrorCode } from '../../base/error-codes.ts'
import { VertigoError } from '../../base/errors.ts'
import { isIssuedTo, type TlsFiles } from './tls.ts'

/**
 * Looks at a node's own certificate as the others will: one that nobody accepts is said where it can be mended, before the
 * node is a member that no other reaches.
 *
 * Errors: TLS_FILES_INVALID, TLS_CERTIFICATE_EXPIRED, TLS_CERTIFICATE_UNTRUSTED, TLS_CERTIFICATE_OTHER_NODE.
 */
export function checkOwnCertificate({ ca, cert, key }: TlsFiles, node: string, nowMs: number): void {
  const authorities = certificatesOf(ca, 'of the authority')
  const [own, ...chain] = certificatesOf(cert, 'of the node') as [X509Certificate, ...X509Certificate[]]
  if (!own.checkPrivateKey(privateKey(key)))
    throw refusal('TLS_FILES_INVALID', 'The key is not that of the certificate.')
  const issuers = [...chain, ...authorities]
  for (let one = own, hops = 0; ; hops++) {
    refuseOutOfTime(one, nowMs)
    if (authorities.some((authority) => isSame(authority, one))) break
    const issuer = issuers.find((other) => one.checkIssued(other) && one.verify(other.publicKey))
    if (issuer === undefined || hops > issuers.length)
      throw refusal(
        'TLS_CERTIFICATE_UNTRUSTED',
        `The certificate of "${nameOf(one)}" was not issued by the authority that was given.`,
      )
    one = issuer
  }
  if (!isIssuedTo(node, own.toLegacyObject()))
    throw refusal(
      'TLS_CERTIFICATE_OTHER_NODE',
      `The certificate of this node, "${node}", was issued to ${own.subjectAltName ?? nameOf(own)}.`,
    )
}

/**
 * Digests of the public keys of the authorities that a node trusts: who has none of them in common cannot talk. A certificate
 * of an authority may be renewed, its key stays. Errors: TLS_FILES_INVALID.
 */
export function authoritiesOf({ ca }: Pick<TlsFiles, 'ca'>): string[] {
  return certificatesOf(ca, 'of the authority').map(({ publicKey }) =>
    createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex'),
  )
}

function certificatesOf(content: string | Uint8Array, whose: string): readonly X509Certificate[] {
  const text = typeof content === 'string' ? content : new TextDecoder().decode(content)
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  try {
    if (blocks.length > 0) return blocks.map((block) => new X509Certificate(block))
  } catch (cause) {
    throw refusal('TLS_FILES_INVALID', `The certificate ${whose} cannot be read.`, cause)
  }
  throw refusal('TLS_FILES_INVALID', `The file for the certificate ${whose} holds none.`)
}

function privateKey(content: string | Uint8Array) {
  try {
    return createPrivateKey(typeof content === 'string' ? content : Buffer.from(content))
  } catch (cause) {
    throw refusal('TLS_FILES_INVALID', 'The key of the node cannot be read.', cause)
  }
}

function refuseOutOfTime(certificate: X509Certificate, nowMs: number): void {
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
  if (nowMs >= from && nowMs <= to) return
  const when = nowMs > to ? `ended on ${certificate.validTo}` : `begins on ${certificate.validFrom}`
  throw refusal('TLS_CERTIFICATE_EXPIRED', `The time of the certificate of "${nameOf(certificate)}" ${when}.`)
}

function isSame(a: X509Certificate, b: X509Certificate): boolean {
  return a.fingerprint256 === b.fingerprint256
}

function nameOf({ subject }: X509Certificate): string {
  return (/CN=(.*)/.exec(subject)?.[1] ?? subject).slice(0, 200)
}

function refusal(code: ErrorCode, message: string, cause?: unknown): VertigoError {
  return new VertigoError(code, message, { cause })
}
