import { registerHooks } from 'node:module'
import { join } from 'node:path'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { buildBundle } from '../../../../src/cluster/bundle/build.ts'
import { project } from './support.ts'

test('without esbuild, as where optional packages were left out, what to install is named', async (t) => {
  const folder = project(t, { 'add.ts': 'export default (n: number) => n + 1' })
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (specifier === 'esbuild')
        throw Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' })
      return next(specifier, context)
    },
  })
  t.after(() => hooks.deregister())
  const url = pathToFileURL(join(folder, 'add.ts')).href
  await assert.rejects(buildBundle(url, { external: [] }), {
    code: 'BUNDLER_MISSING',
    remedy: /npm install esbuild/,
  })
})
