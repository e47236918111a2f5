import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerCertificate } from 'node:tls'
import { isVertigoError } from '../../../../src/base/errors.ts'
import { checkNode } from '../../../../src/transport/tcp/tls.ts'

function issuedTo(subjectaltname: string): PeerCertificate {
  return { subject: { CN: 'x' }, subjectaltname } as unknown as PeerCertificate
}

test('a node is who a DNS name of its certificate says, or a pattern in it', () => {
  for (const [node, names, fits] of [
    ['node-1', 'DNS:node-1', true],
    ['node-1', 'DNS:node-2, DNS:node-1', true],
    ['a.c.example', 'DNS:*.c.example', true],
    ['a.b.c.example', 'DNS:*.c.example', false],
    ['node-1', 'DNS:node-11', false],
    ['node-1', 'URI:node-1', false],
  ] as const) {
    const error = checkNode(node, issuedTo(names))
    assert.equal(error === undefined, fits, `${node} of ${names}`)
    if (!fits) assert.ok(isVertigoError(error) && error.code === 'TLS_CERTIFICATE_OTHER_NODE')
  }
})
