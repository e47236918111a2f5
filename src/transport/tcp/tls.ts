import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate, type TLSSocket } from 'node:tls'
import type { ErrorCode } from '../../base/error-codes.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Refusal } from './hello.ts'

/**
 * Mutual TLS between nodes. Both ends check that the other one's certificate is of the cluster's authority, valid now,
 * and issued to the node that it says it is: the node's id is among its DNS names, by the rules for names of hosts. So
 * one certificate for each node works (`a`), and one for all (`*.cluster.example`, with ids such as `a.cluster.example`).
 * Addresses do not matter.
 *
 * The accepting end checks after the TLS handshake, so that it can refuse with a code and a sentence.
 */
export interface TlsFiles {
  /** PEM texts. */
  readonly ca: string | Uint8Array
  readonly cert: string | Uint8Array
  readonly key: string | Uint8Array
}

export function tlsOptions({ ca, cert, key }: TlsFiles): {
  readonly ca: string | Buffer
  readonly cert: string | Buffer
  readonly key: string | Buffer
  readonly minVersion: 'TLSv1.3'
} {
  return { ca: pem(ca), cert: pem(cert), key: pem(key), minVersion: 'TLSv1.3' }
}

function pem(content: string | Uint8Array): string | Buffer {
  return typeof content === 'string' ? content : Buffer.from(content)
}

/** For the dialling end: `checkServerIdentity` of `tls.connect`. */
export function checkNode(node: string, certificate: PeerCertificate): Error | undefined {
  const refusal = nodeFault(node, certificate)
  return refusal === undefined ? undefined : new VertigoError(refusal.code, refusal.message)
}

/** For the accepting end. */
export function peerFault(socket: TLSSocket, node: string): Refusal | undefined {
  const certificate = socket.getPeerCertificate()
  if (Object.keys(certificate).length === 0) {
    return { code: 'TLS_CERTIFICATE_MISSING', message: `node "${node}" shows no certificate` }
  }
  // Node's types say `Error`; it is the code as a text.
  const error = socket.authorizationError as Error | string | undefined
  if (!socket.authorized) {
    const reason = typeof error === 'string' ? error : (error?.message ?? 'unknown')
    return { code: tlsCode(reason), message: `the certificate of node "${node}" is not accepted: ${reason}` }
  }
  return nodeFault(node, certificate)
}

/** An id that is an address is nobody's: addresses in certificates are for clients of the HTTP API, and many have the same. */
export function isIssuedTo(node: string, certificate: PeerCertificate): boolean {
  return isIP(node) === 0 && checkServerIdentity(node, certificate) === undefined
}

function nodeFault(node: string, certificate: PeerCertificate): Refusal | undefined {
  if (isIssuedTo(node, certificate)) return undefined
  const names = certificate.subjectaltname ?? `CN:${String(certificate.subject?.CN ?? 'none')}`
  return {
    code: 'TLS_CERTIFICATE_OTHER_NODE',
    message: `the certificate shown by node "${node}" was issued to ${names.slice(0, 300)}`,
  }
}

/** An error of a socket; those of TLS get a code of ours. */
export function lineError(error: Error): Error {
  const { code = '' } = error as NodeJS.ErrnoException
  if (error instanceof VertigoError) return error
  const found =
    code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'EPROTO'
      ? 'LINK_HANDSHAKE_INVALID'
      : knownTlsCode(code)
  if (found === undefined) return error
  return new VertigoError(found, `the TLS handshake failed: ${error.message} (${code})`, { cause: error })
}

function tlsCode(reason: string): ErrorCode {
  return knownTlsCode(reason) ?? 'TLS_CERTIFICATE_UNTRUSTED'
}

const expired = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED'])
const untrusted = new Set([
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'CERT_REVOKED',
  'CERT_REJECTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

function knownTlsCode(reason: string): ErrorCode | undefined {
  if (expired.has(reason)) return 'TLS_CERTIFICATE_EXPIRED'
  return untrusted.has(reason) ? 'TLS_CERTIFICATE_UNTRUSTED' : undefined
}
