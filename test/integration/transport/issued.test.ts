import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { createAuthority, issueNodeCertificate } from '../../../src/cluster/certificates/issue.ts'
import { eventually } from '../../support/eventually.ts'
import { dialler, SocketPair, waiter } from './socket-pair.ts'

test('nodes speak with certificates that Vertigo has issued', async () => {
  const options = { clock: systemClock, days: 1 }
  const authority = await createAuthority('trial', options)
  const ca = authority.cert
  const [nearTls, farTls] = [
    { ca, ...(await issueNodeCertificate(authority, dialler.node, options)) },
    { ca, ...(await issueNodeCertificate(authority, waiter.node, options)) },
  ]
  const pair = await SocketPair.make({ nearTls, farTls })
  try {
    const got: string[] = []
    pair.far.link.receive((frame) => got.push(Buffer.from(frame).toString()))
    pair.near.link.send(Buffer.from('one'))
    await eventually('one arrives', () => got.length === 1)
    assert.deepEqual(got, ['one'])
  } finally {
    await pair.close()
  }
})
