import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { createAuthority, issueNodeCertificate } from '../../../src/cluster/certificates/issue.ts'
import { checkOwnCertificate } from '../../../src/transport/tcp/own-certificate.ts'

const dayMs = 24 * 60 * 60 * 1000

test('a certificate that the others would refuse is refused where it is', async () => {
  const validFor = { clock: systemClock, days: 2 }
  const [ca, other] = await Promise.all([createAuthority('ca', validFor), createAuthority('ca', validFor)])
  const a = await issueNodeCertificate(ca, 'a', { ...validFor, addresses: ['127.0.0.1'] })
  const foreign = await issueNodeCertificate(other, 'a', validFor)
  const nowMs = systemClock.now()
  const files = { ca: ca.cert, cert: a.cert, key: a.key }
  checkOwnCertificate(files, 'a', nowMs)
  // Authorities may be many, and a certificate may come with its chain.
  checkOwnCertificate({ ...files, ca: other.cert + ca.cert, cert: a.cert + ca.cert }, 'a', nowMs)
  const refused = (code: string, given: typeof files, node = 'a', atMs = nowMs): void =>
    assert.throws(() => checkOwnCertificate(given, node, atMs), { code })
  refused('TLS_CERTIFICATE_OTHER_NODE', files, 'b')
  refused('TLS_CERTIFICATE_OTHER_NODE', files, '127.0.0.1')
  refused('TLS_CERTIFICATE_EXPIRED', files, 'a', nowMs + 3 * dayMs)
  refused('TLS_CERTIFICATE_EXPIRED', files, 'a', nowMs - dayMs)
  // Of the same name, which is all that it has in common.
  refused('TLS_CERTIFICATE_UNTRUSTED', { ...files, cert: foreign.cert, key: foreign.key })
  refused('TLS_CERTIFICATE_UNTRUSTED', { ...files, cert: foreign.cert + other.cert, key: foreign.key })
  refused('TLS_FILES_INVALID', { ...files, key: foreign.key })
  refused('TLS_FILES_INVALID', { ...files, key: 'rubbish' })
  refused('TLS_FILES_INVALID', { ...files, cert: a.key })
  refused('TLS_FILES_INVALID', { ...files, ca: '' })
  refused('TLS_FILES_INVALID', { ...files, ca: ca.cert.replaceAll(/[a-f]/g, 'g') })
})
