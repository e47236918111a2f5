import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolveAddress } from '../../../../src/worker/load-module.ts'

const base = '/home/me/net.yaml'
const baseUrl = 'file:///home/me/net.yaml'

function resolved(address: string, from = base): unknown {
  return resolveAddress({ address, base: from }, ['take'])
}

describe('resolveAddress', () => {
  test('files: relative, absolute, URLs, with and without an export', () => {
    const file = (url: string, exportName?: string): unknown => ({ kind: 'file', url, exportName })
    assert.deepEqual(resolved('./split.ts'), file('file:///home/me/split.ts'))
    assert.deepEqual(resolved('../split.ts#words'), file('file:///home/split.ts', 'words'))
    assert.deepEqual(resolved('/srv/a.ts'), file('file:///srv/a.ts'))
    assert.deepEqual(resolved('file:///srv/a.ts#b'), file('file:///srv/a.ts', 'b'))
    assert.deepEqual(resolved('./inner.yaml'), file('file:///home/me/inner.yaml'))
  })

  test('a base is a path or a URL', () => {
    assert.deepEqual(resolved('./split.ts', baseUrl), resolved('./split.ts', base))
    assert.deepEqual(resolved('#count', baseUrl), resolved('#count', base))
    assert.deepEqual(resolved('pkg/sub', baseUrl), resolved('pkg/sub', base))
    assert.deepEqual(resolved('./split.ts', '/home/me/'), resolved('./split.ts', base))
    assert.deepEqual(resolved('./a.ts', 'net.yaml'), resolved('./a.ts', `${process.cwd()}/net.yaml`))
  })

  test('paths mean themselves, whatever is in them', () => {
    const odd = resolved('./100% of a?b.ts')
    assert.deepEqual(odd, {
      kind: 'file',
      url: 'file:///home/me/100%25%20of%20a%3Fb.ts',
      exportName: undefined,
    })
    assert.deepEqual(resolved('./x.ts', '/a#b/net.yaml'), {
      kind: 'file',
      url: 'file:///a%23b/x.ts',
      exportName: undefined,
    })
  })

  test('names: built-in kinds first, then packages', () => {
    assert.deepEqual(resolved('take'), { kind: 'built-in', name: 'take' })
    const pkg = (specifier: string, exportName?: string): unknown => ({
      kind: 'package',
      specifier,
      base: baseUrl,
      exportName,
    })
    assert.deepEqual(resolved('tke'), pkg('tke'))
    assert.deepEqual(resolved('take#other'), pkg('take', 'other'))
    assert.deepEqual(resolved('take/sub'), pkg('take/sub'))
    assert.deepEqual(resolved('@scope/pkg/sub#name'), pkg('@scope/pkg/sub', 'name'))
  })

  test('code of the network that the base builds', () => {
    const own = (name: string): unknown => ({ kind: 'own', url: 'file:///home/me/net.ts', name })
    assert.deepEqual(resolved('#count', '/home/me/net.ts'), own('count'))
    assert.deepEqual(resolved('#selector:a.x->b.y', '/home/me/net.ts'), own('selector:a.x->b.y'))
    assert.deepEqual(resolved('#inner', 'file:///home/me/net.ts#outer'), own('outer/inner'))
  })

  test('code of a network that is built in another file', () => {
    const own = (name: string): unknown => ({ kind: 'own', url: 'file:///home/me/net.ts', name })
    assert.deepEqual(resolved('file:///home/me/net.ts##count', 'file:///'), own('count'))
    assert.deepEqual(resolved('./net.ts##outer/inner'), own('outer/inner'))
    assert.deepEqual(resolved('./net.ts##selector:a.x->b.y'), own('selector:a.x->b.y'))
  })

  test('what is no address', () => {
    for (const address of [
      '',
      './a.ts#',
      './a.ts##',
      'pkg##a',
      '#',
      '##',
      'https://example.org/a.ts',
      'node:fs',
      'file://%',
    ])
      assert.throws(() => resolved(address), { code: 'KIND_UNKNOWN', place: { file: base } }, address)
  })
})
