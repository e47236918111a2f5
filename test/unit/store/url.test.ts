import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isVertigoError } from '../../../src/base/errors.ts'
import { parseStoreUrl, withoutPassword } from '../../../src/store/url.ts'

test('the addresses of the documents', () => {
  assert.deepEqual(parseStoreUrl('lmdb:./folder'), { type: 'lmdb', folder: './folder' })
  assert.deepEqual(parseStoreUrl('etcd://host:2379,host2:2380/prefix'), {
    type: 'etcd',
    endpoints: ['host:2379', 'host2:2380'],
    prefix: 'prefix',
  })
  assert.deepEqual(parseStoreUrl('etcd://host'), {
    type: 'etcd',
    endpoints: ['host:2379'],
    prefix: 'vertigo',
  })
  assert.deepEqual(parseStoreUrl('etcds://[::1]:1,10.0.0.1/a/b/?ca=ca.pem&cert=c.pem&key=k.pem'), {
    type: 'etcd',
    endpoints: ['[::1]:1', '10.0.0.1:2379'],
    prefix: 'a/b',
    tls: { ca: 'ca.pem', cert: 'c.pem', key: 'k.pem' },
  })
  assert.deepEqual(parseStoreUrl('etcds://host/x'), {
    type: 'etcd',
    endpoints: ['host:2379'],
    prefix: 'x',
    tls: {},
  })
})

test('users and passwords, with anything in them', () => {
  const { user, password } = parseStoreUrl('etcd://ann:p%40ss:%2F@host/x') as {
    user?: string
    password?: string
  }
  assert.deepEqual([user, password], ['ann', 'p@ss:/'])
})

test('what is no address is refused, and its password not repeated', () => {
  for (const url of [
    '',
    'host:2379',
    'http://host',
    'lmdb:',
    'etcd:host',
    'etcd://',
    'etcd://host,,other',
    'etcd://host:0',
    'etcd://host:99999',
    'etcd://host:x/y',
    'etcd://ann@host',
    'etcd://ann:hush@host:x',
    'etcd://ann:hush@host?ca=x',
    'etcds://ann:hush@host?cert=x',
    'etcds://ann:hush@host?password=x',
    'etcd://ann:hush%zz@host',
    `etcd://ann:hush@${Array.from({ length: 17 }, (_, i) => `h${i}`).join(',')}`,
  ]) {
    assert.throws(
      () => parseStoreUrl(url),
      (error) =>
        isVertigoError(error) && error.code === 'STORE_URL_INVALID' && !String(error.stack).includes('hush'),
      url,
    )
  }
  assert.equal(withoutPassword('etcd://ann:hush@host/x'), 'etcd://...@host/x')
})
