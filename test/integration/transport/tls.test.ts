import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import type { ErrorCode } from '../../../src/base/error-codes.ts'
import type { TlsFiles } from '../../../src/transport/tcp/tls.ts'
import { Authority } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { dialler, refusedCode, SocketPair, waiter } from './socket-pair.ts'

let authority: Authority | undefined
let stranger: Authority | undefined

before(async () => {
  authority = await Authority.make('cluster')
  stranger = await Authority.make('someone else')
})

after(async () => {
  await authority?.remove()
  await stranger?.remove()
})

async function files(
  node: string,
  options: { readonly by?: Authority; readonly expired?: boolean } = {},
): Promise<TlsFiles> {
  const { cert, key } = await (options.by ?? authority!).issue(node, `DNS:${node}`, options)
  return { ca: authority!.own.cert, cert, key }
}

/** Both ends with certificates, of which one is not as it should be. */
async function codes(
  nearTls: TlsFiles,
  farTls: TlsFiles,
): Promise<{ near: string; far: string | undefined }> {
  const pair = await SocketPair.make({ nearTls, farTls })
  try {
    const near = await eventually('the dialler is told', () => refusedCode(pair.near))
    assert.equal(pair.near.link.lines, 0)
    return { near, far: pair.far.turnedAway[0]?.code }
  } finally {
    await pair.close()
  }
}

function tlsTest(name: string, run: () => Promise<void>): void {
  test(name, async (context) => {
    if (authority === undefined) context.skip('there is no `openssl`')
    else await run()
  })
}

tlsTest('two nodes with certificates of one authority speak, and resume after a reset', async () => {
  const pair = await SocketPair.make({
    nearTls: await files(dialler.node),
    farTls: await files(waiter.node),
  })
  try {
    const got: string[] = []
    pair.far.link.receive((frame) => got.push(Buffer.from(frame).toString()))
    pair.near.link.send(Buffer.from('one'))
    await eventually('one arrives', () => got.length === 1)
    pair.proxy.reset()
    pair.near.link.send(Buffer.from('two'))
    await eventually('two arrives', () => got.length === 2)
    assert.deepEqual(got, ['one', 'two'])
    assert.equal(pair.near.link.lines, 2)
  } finally {
    await pair.close()
  }
})

tlsTest('a dialler with a bad certificate is told what is wrong with it, as is the log', async () => {
  const farTls = await files(waiter.node)
  const cases: readonly (readonly [ErrorCode, TlsFiles])[] = [
    ['TLS_CERTIFICATE_EXPIRED', await files(dialler.node, { expired: true })],
    ['TLS_CERTIFICATE_UNTRUSTED', await files(dialler.node, { by: stranger! })],
    ['TLS_CERTIFICATE_OTHER_NODE', await files('node-x')],
  ]
  for (const [code, nearTls] of cases)
    assert.deepEqual(await codes(nearTls, farTls), { near: code, far: code })
})

tlsTest('a listener with a bad certificate is told by the dialler', async () => {
  const nearTls = await files(dialler.node)
  const cases: readonly (readonly [ErrorCode, TlsFiles])[] = [
    ['TLS_CERTIFICATE_EXPIRED', await files(waiter.node, { expired: true })],
    ['TLS_CERTIFICATE_UNTRUSTED', await files(waiter.node, { by: stranger! })],
    ['TLS_CERTIFICATE_OTHER_NODE', await files('node-x')],
  ]
  for (const [code, farTls] of cases) assert.equal((await codes(nearTls, farTls)).near, code)
})

tlsTest('without a certificate nobody comes in', async () => {
  const own = await files(dialler.node)
  const nearTls: TlsFiles = { ca: own.ca, cert: '', key: '' }
  assert.deepEqual(await codes(nearTls, await files(waiter.node)), {
    near: 'TLS_CERTIFICATE_MISSING',
    far: 'TLS_CERTIFICATE_MISSING',
  })
})

tlsTest('a line without TLS to a port with TLS is closed, and the other way round', async () => {
  const withTls = await SocketPair.make({ farTls: await files(waiter.node) })
  try {
    await eventually('it is turned away', () => withTls.far.turnedAway.length > 0)
    const socket = connect(withTls.listener.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('rubbish, and not a TLS handshake at all')
    await eventually('rubbish is turned away', () => socket.closed)
  } finally {
    await withTls.close()
  }
  const without = await SocketPair.make({ nearTls: await files(dialler.node) })
  try {
    await eventually('it is turned away', () => without.far.turnedAway.length > 0)
    assert.equal(without.far.turnedAway[0]!.code, 'LINK_HANDSHAKE_INVALID')
  } finally {
    await without.close()
  }
})
