import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { createAuthority, issueNodeCertificate } from '../../../../src/cluster/certificates/issue.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { errorCode } from '../../../support/error-code.ts'

test('a certificate that was issued is checked by its authority and names the node', async () => {
  const clock = new TestClock()
  const authority = await createAuthority('my cluster', { clock, days: 30 })
  const issued = await issueNodeCertificate(authority, 'node-1', { clock, days: 3, names: ['*.c.example'] })
  const [ca, cert] = [new X509Certificate(authority.cert), new X509Certificate(issued.cert)]
  assert.ok(ca.ca && ca.verify(ca.publicKey))
  assert.ok(!cert.ca && cert.verify(ca.publicKey) && cert.checkIssued(ca))
  assert.equal(cert.subjectAltName, 'DNS:node-1, DNS:*.c.example')
  assert.equal(cert.validToDate.getTime(), clock.now() + 3 * 86_400_000)
  assert.ok(cert.validFromDate.getTime() < clock.now())
  assert.notEqual(cert.serialNumber, ca.serialNumber)
})

test('names and times that no certificate can have are refused', async () => {
  const clock = new TestClock()
  const authority = await createAuthority('c', { clock, days: 1 })
  for (const node of ['', 'a b', 'a,DNS:b', '-a', 'ä']) {
    assert.equal(await errorCode(issueNodeCertificate(authority, node, { clock, days: 1 })), 'USAGE', node)
  }
  for (const days of [0, 1.5, 40_000])
    assert.equal(await errorCode(createAuthority('c', { clock, days })), 'USAGE')
})
