import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Access, type AccessFacts, parseTokens, TokenSet } from '../../../src/api/access.ts'
import { errorToData, isVertigoError, type VertigoError } from '../../../src/base/errors.ts'

const nothing: AccessFacts = {
  host: undefined,
  origin: undefined,
  site: undefined,
  authorization: undefined,
  user: undefined,
}

function codeOf(action: () => unknown): string {
  return errorOf(action)?.code ?? 'nothing'
}

function errorOf(action: () => unknown): VertigoError | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    assert.ok(isVertigoError(error), String(error))
    return error
  }
}

const tokens = new TokenSet([
  { role: 'viewer', name: 'screen', token: 'viewer-token-0123456789' },
  { role: 'operator', name: 'ci', token: 'operator-token-0123456789' },
  { role: 'admin', name: 'root', token: 'admin-token-0123456789' },
])

test('AC-1 without tokens it is open on loopback, and not to be opened wider unless that is said', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost'])
    assert.equal(
      codeOf(() => new Access({ host })),
      'nothing',
      host,
    )
  for (const host of ['0.0.0.0', '::', '192.168.1.5', 'example.org'])
    assert.equal(
      codeOf(() => new Access({ host })),
      'API_OPEN',
      host,
    )
  assert.ok(new Access({ host: '0.0.0.0', insecure: true }))
  assert.ok(new Access({ host: '0.0.0.0', tokens }))
})

test('AC-1 a name that was bound to loopback, and pages of other origins, are refused', () => {
  const access = new Access({ host: '127.0.0.1' })
  const ask = (facts: Partial<AccessFacts>): string =>
    codeOf(() => access.admit({ ...nothing, host: 'localhost:7411', ...facts }, 'admin'))
  for (const host of [
    'localhost',
    'localhost:7411',
    '127.0.0.1:7411',
    '[::1]:7411',
    '[::1]',
    'a.localhost:1',
  ])
    assert.equal(ask({ host }), 'nothing', host)
  for (const host of [
    undefined,
    '',
    'evil.example:7411',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '1.2.3.4',
  ])
    assert.equal(ask({ host }), 'API_HOST_REFUSED', String(host))
  assert.equal(ask({ origin: 'http://localhost:7411' }), 'nothing')
  for (const origin of ['http://evil.example', 'http://localhost:80', 'null', 'rubbish'])
    assert.equal(ask({ origin }), 'API_HOST_REFUSED', origin)
  assert.equal(ask({ site: 'cross-site' }), 'API_HOST_REFUSED')
  assert.equal(ask({ site: 'same-origin' }), 'nothing')
})

test('who asks on loopback may say a name, within bounds', () => {
  const access = new Access({ host: '127.0.0.1' })
  const nameOf = (user?: string): string =>
    access.admit({ ...nothing, host: 'localhost', user }, 'viewer').name
  assert.equal(nameOf('kim'), 'kim')
  for (const user of [undefined, '', 'a\u001b[31m', 'x'.repeat(101)]) assert.equal(nameOf(user), 'anonymous')
})

test('AC-2 with tokens every request needs one, of a role that is enough', () => {
  const access = new Access({ host: '127.0.0.1', tokens })
  const ask = (authorization: string | undefined, role: 'viewer' | 'operator' | 'admin'): string =>
    codeOf(() => access.admit({ ...nothing, host: 'any.example', authorization }, role))
  for (const none of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Basic viewer-token-0123456789',
    'Bearer wrong-token-0123456789',
  ])
    assert.equal(ask(none, 'viewer'), 'API_TOKEN_MISSING', String(none))
  const expected = {
    'viewer-token-0123456789': ['nothing', 'API_ROLE_MISSING', 'API_ROLE_MISSING'],
    'operator-token-0123456789': ['nothing', 'nothing', 'API_ROLE_MISSING'],
    'admin-token-0123456789': ['nothing', 'nothing', 'nothing'],
  }
  for (const [token, codes] of Object.entries(expected))
    assert.deepEqual(
      (['viewer', 'operator', 'admin'] as const).map((role) => ask(`Bearer ${token}`, role)),
      codes,
    )
})

test('AC-3 no error holds a token', () => {
  const access = new Access({ host: '127.0.0.1', tokens })
  const refused = errorOf(() =>
    access.admit({ ...nothing, authorization: 'Bearer secret-secret-secret' }, 'viewer'),
  )
  assert.ok(refused !== undefined && !JSON.stringify(errorToData(refused)).includes('secret'))
  const short = errorOf(() => parseTokens('viewer kim short-secret', 'tokens'))
  assert.ok(short !== undefined && !short.message.includes('short-secret'))
})

test('a file of tokens: one a line; faults name the line', () => {
  const text =
    '# who may what\n\nviewer screen viewer-token-0123456789\n  admin root  admin-token-0123456789\r\n'
  const parsed = parseTokens(text, 'tokens')
  assert.equal(parsed.size, 2)
  assert.deepEqual(parsed.callerOf('admin-token-0123456789'), { name: 'root', role: 'admin' })
  assert.equal(parsed.callerOf('admin-token'), undefined)
  for (const [bad, line] of [
    ['viewer kim', 1],
    ['\nking kim token-0123456789abc', 2],
    ['viewer kim short', 1],
    ['viewer kim token-0123456789abc more', 1],
  ] as const) {
    const error = errorOf(() => parseTokens(bad, 'tokens'))
    assert.deepEqual([error?.code, error?.place.line], ['SECRET_INVALID', line], bad)
  }
  assert.equal(
    codeOf(() => parseTokens('# none\n', 'tokens')),
    'SECRET_INVALID',
  )
})
