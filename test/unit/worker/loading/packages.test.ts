import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { failureOf, makeLoader } from './support.ts'

/** A project outside of this one, since packages are found from the user's files. */
const project = realpathSync(mkdtempSync(join(tmpdir(), 'vertigo-packages-')))
const base = join(project, 'net.yaml')
const load = makeLoader()

function write(path: string, content: string | object): void {
  const file = join(project, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
}

write('package.json', { type: 'module', imports: { '#lib/*': './lib/*' } })
write('lib/one.ts', 'export const one: number = 1\n')
write('uses-imports.ts', "import { one } from '#lib/one.ts'\nexport default one\n")
write('node_modules/plain/package.json', { main: './main.cjs' })
write('node_modules/plain/main.cjs', "module.exports = { name: 'plain' }\n")
write('node_modules/@scope/pkg/package.json', {
  type: 'module',
  exports: {
    '.': { import: './index.js', require: './index.cjs' },
    './sub': { import: './sub.js' },
    './net': './net.yaml',
  },
})
write('node_modules/@scope/pkg/index.js', "export default 'esm'\nexport const other = 'other'\n")
write('node_modules/@scope/pkg/index.cjs', "module.exports = 'cjs'\n")
write('node_modules/@scope/pkg/sub.js', "export default 'sub'\n")
write('node_modules/take/package.json', { exports: './index.js', type: 'module' })
write('node_modules/take/index.js', "export default 'package'\nexport const more = 'more'\n")
write('node_modules/source/package.json', { exports: './index.ts', type: 'module' })
write('node_modules/source/index.ts', 'export default 1 as number\n')
write('node_modules/hollow/package.json', { exports: './gone.js', type: 'module' })
write('node_modules/thrower/package.json', { exports: './index.js', type: 'module' })
write('node_modules/thrower/index.js', "export function limit() {\n  throw new Error('no limit')\n}\n")
write('uses-source.ts', "// first\nimport source from 'source'\nexport default source\n")
write('uses-thrower.ts', "import { limit } from 'thrower'\n\nexport default limit()\n")
write('uses-plain.ts', "import { nothing } from 'plain'\nexport default nothing\n")

write(
  'names.cjs',
  "Object.defineProperty(module.exports, ['made', 'up'].join('-'), { value: 'made up', enumerable: true })\n",
)
write(
  'transpiled.cjs',
  "Object.defineProperty(exports, '__esModule', { value: true })\nexports.default = 'default'\nexports.named = 'named'\n",
)
write('odd 100% name?.ts', "export default 'odd'\n")

after(() => rmSync(project, { recursive: true }))

describe('packages, as the user sees them', () => {
  test('found beside the user’s file, by the condition `import`', async () => {
    assert.equal(await load({ address: '@scope/pkg', base }), 'esm')
    assert.equal(await load({ address: '@scope/pkg#other', base }), 'other')
    assert.equal(await load({ address: '@scope/pkg/sub', base }), 'sub')
    assert.equal(await load({ address: 'plain#name', base }), 'plain')
  })

  test('built-in kinds come first; a package of that name can be had by an export', async () => {
    assert.notEqual(await load({ address: 'take', base }), 'package')
    assert.equal(await load({ address: 'take#more', base }), 'more')
    assert.equal(await load({ address: 'take#default', base }), 'package')
  })

  test('not found from elsewhere', async () => {
    const error = await failureOf(load({ address: '@scope/pkg', base: '/nowhere/net.yaml' }))
    assert.deepEqual([error.code, error.place], ['KIND_UNKNOWN', { file: '/nowhere/net.yaml' }])
  })

  test('`#imports` of the user’s package.json', async () => {
    assert.equal(await load({ address: './uses-imports.ts', base }), 1)
  })

  test('paths that are not exported, exports that do not exist, files of networks', async () => {
    const path = await failureOf(load({ address: '@scope/pkg/secret', base }))
    assert.deepEqual([path.code, path.place], ['PACKAGE_NOT_FOUND', { file: base }])
    assert.equal((await failureOf(load({ address: '@scope/pkg/net', base }))).code, 'KIND_INVALID')
    assert.equal((await failureOf(load({ address: 'hollow', base }))).code, 'KIND_NOT_FOUND')
    assert.equal((await failureOf(load({ address: '@scope/pkg#nope', base }))).code, 'EXPORT_MISSING')
  })

  test('TypeScript in a package, named or imported', async () => {
    const named = await failureOf(load({ address: 'source', base }))
    const file = join(project, 'node_modules/source/index.ts')
    assert.deepEqual([named.code, named.place], ['TS_IN_NODE_MODULES', { file }])
    assert.match(named.remedy, /ships JavaScript/)
    const imported = await failureOf(load({ address: './uses-source.ts', base }))
    const place = { file: join(project, 'uses-source.ts'), line: 2, column: 20 }
    assert.deepEqual([imported.code, imported.place], ['TS_IN_NODE_MODULES', place])
    assert.ok(imported.message.endsWith(": import source from 'source'"), imported.message)
  })

  test('an error thrown in a package is placed in the user’s file', async () => {
    const error = await failureOf(load({ address: './uses-thrower.ts', base }))
    assert.deepEqual(error.place, { file: join(project, 'uses-thrower.ts'), line: 3, column: 16 })
  })

  test('a name that CommonJS does not have', async () => {
    const error = await failureOf(load({ address: './uses-plain.ts', base }))
    assert.deepEqual([error.code, error.place.line], ['EXPORT_MISSING', 1])
    assert.match(error.remedy, /import whole from 'plain'/)
  })
})

describe('files of any form', () => {
  test('CommonJS: names that only the object has, default exports of transpiled modules', async () => {
    assert.equal(await load({ address: './names.cjs#made-up', base }), 'made up')
    assert.equal(await load({ address: './transpiled.cjs', base }), 'default')
    assert.equal(await load({ address: './transpiled.cjs#named', base }), 'named')
  })

  test('paths with odd characters', async () => {
    assert.equal(await load({ address: './odd 100% name?.ts', base }), 'odd')
  })
})
