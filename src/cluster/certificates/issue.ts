import { createHash, createPublicKey, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import forge from 'node-forge'
import type { Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'

/**
 * Certificates for the nodes of a cluster, and the authority that issues them: for `vertigo certs create`, so that mutual
 * TLS can be tried without an authority of one's own. What is expected of a certificate stands in
 * `src/transport/tcp/tls.ts`; any authority's will do.
 */
export interface IssuedCertificate {
  /** PEM texts. */
  readonly cert: string
  readonly key: string
}

/** RSA, since the library signs with nothing else; 3072 bits, as is recommended beyond 2030. */
const keyBits = 3_072
const dayMs = 24 * 60 * 60 * 1_000
/** Valid this long before it was issued: clocks of other machines may be behind. */
const earlierMs = 60 * 60 * 1_000
const daysMax = 36_500
const namePattern = /^[A-Za-z0-9*]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/

export interface ValidFor {
  readonly clock: Clock
  /** Days from now. */
  readonly days: number
}

/** An authority: its certificate is the `ca` of all nodes; its key is needed for issuing only, and kept away from them. */
export async function createAuthority(name: string, options: ValidFor): Promise<IssuedCertificate> {
  const { pem, certificate } = await newCertificate(name, options)
  certificate.setIssuer(certificate.subject.attributes)
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ])
  return signed(certificate, pem, pem)
}

/**
 * A certificate for a node; `names`: more DNS names, or patterns such as `*.cluster.example`; `addresses`: IP addresses, by
 * which clients of the HTTP API know it.
 */
export async function issueNodeCertificate(
  authority: IssuedCertificate,
  node: string,
  options: ValidFor & { readonly names?: readonly string[]; readonly addresses?: readonly string[] },
): Promise<IssuedCertificate> {
  const names = [node, ...(options.names ?? [])]
  const wrong = names.find((each) => !namePattern.test(each))
  if (wrong !== undefined) {
    throw new VertigoError('USAGE', `"${wrong}" cannot be a name in a certificate`, {
      remedy: 'Use letters, digits, `-` and `.`, as in names of hosts.',
    })
  }
  const issuer = forge.pki.certificateFromPem(authority.cert)
  const { pem, certificate } = await newCertificate(node, options)
  certificate.setIssuer(issuer.subject.attributes)
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
    {
      name: 'subjectAltName',
      altNames: [
        ...names.map((value) => ({ type: dnsName, value })),
        ...(options.addresses ?? []).map((ip) => ({ type: ipAddress, ip })),
      ],
    },
    { name: 'subjectKeyIdentifier' },
  ])
  return signed(certificate, pem, authority.key)
}

/** The numbers of DNS names and addresses among the alternatives that X.509 has. */
const dnsName = 2
const ipAddress = 7

async function newCertificate(
  name: string,
  { clock, days }: ValidFor,
): Promise<{ readonly pem: string; readonly certificate: forge.pki.Certificate }> {
  if (!Number.isInteger(days) || days < 1 || days > daysMax) {
    throw new VertigoError('USAGE', `a certificate cannot be valid for ${days} days; use 1 to ${daysMax}`)
  }
  // Node's generator: the library's own takes seconds.
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: keyBits,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.setRsaPublicKey(...publicNumbers(privateKey))
  certificate.serialNumber = serialNumber(privateKey)
  certificate.validity.notBefore = new Date(clock.now() - earlierMs)
  certificate.validity.notAfter = new Date(clock.now() + days * dayMs)
  certificate.setSubject([{ name: 'commonName', value: name }])
  return { pem: privateKey, certificate }
}

function publicNumbers(privateKey: string): [forge.jsbn.BigInteger, forge.jsbn.BigInteger] {
  const { n, e } = forge.pki.privateKeyFromPem(privateKey)
  return [n, e]
}

/** Of the key, which is random: no two certificates have the same. Its first bit is 0, since it must be positive. */
function serialNumber(privateKey: string): string {
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  return `01${createHash('sha256').update(publicKey).digest('hex').slice(0, 30)}`
}

function signed(certificate: forge.pki.Certificate, key: string, signer: string): IssuedCertificate {
  certificate.sign(forge.pki.privateKeyFromPem(signer), forge.md.sha256.create())
  return { cert: forge.pki.certificateToPem(certificate), key }
}
