import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ErrorCode } from '../../../../src/base/error-codes.ts'
import { failureOf, fixture, makeLoader } from './support.ts'

const base = fixture('broken/net.yaml')
const load = makeLoader()

interface Case {
  /** The module that is loaded; the fault is in it unless `in` names another. */
  readonly file: string
  readonly in?: string
  readonly code: ErrorCode
  /** Line and column; none where only the file is known. */
  readonly at: readonly [number, number] | undefined
  /** The line of the source, as the message shows it. */
  readonly shows?: string
  readonly message?: RegExp
  readonly remedy: RegExp
}

const cases: readonly Case[] = [
  // More than types
  { file: 'enum.ts', code: 'TS_ENUM', at: [3, 1], shows: 'enum Color {', remedy: /as const/ },
  {
    file: 'const-enum.ts',
    code: 'TS_ENUM',
    at: [2, 1],
    shows: 'export const enum Color {',
    remedy: /as const/,
  },
  { file: 'commonjs.cts', code: 'TS_ENUM', at: [1, 1], shows: 'enum A { B }', remedy: /as const/ },
  { file: 'indirect/enum.ts', in: 'enum.ts', code: 'TS_ENUM', at: [3, 1], remedy: /as const/ },
  { file: 'dynamic.ts', in: 'enum.ts', code: 'TS_ENUM', at: [3, 1], remedy: /as const/ },
  {
    file: 'namespace.ts',
    code: 'TS_NAMESPACE',
    at: [3, 3],
    shows: 'namespace Rules {',
    remedy: /module of its own/,
  },
  { file: 'module-keyword.ts', code: 'TS_NAMESPACE', at: [1, 9], remedy: /declare namespace/ },
  {
    file: 'parameter-property.ts',
    code: 'TS_PARAMETER_PROPERTY',
    at: [3, 22],
    shows: 'private readonly x: number,',
    remedy: /assign it in the constructor/,
  },
  {
    file: 'indirect/parameter-property.ts',
    in: 'parameter-property.ts',
    code: 'TS_PARAMETER_PROPERTY',
    at: [3, 22],
    remedy: /assign it in the constructor/,
  },
  { file: 'decorator.ts', code: 'TS_DECORATOR', at: [5, 1], shows: '@logged', remedy: /Call the function/ },
  {
    file: 'decorator-member.ts',
    code: 'TS_DECORATOR',
    at: [8, 3],
    shows: '@logged',
    remedy: /Call the function/,
  },
  {
    file: 'indirect/decorator.ts',
    in: 'decorator.ts',
    code: 'TS_DECORATOR',
    at: [5, 1],
    remedy: /Call the function/,
  },
  { file: 'accessor.ts', code: 'TS_DECORATOR', at: [2, 12], shows: 'accessor x = 1', remedy: /getter/ },
  { file: 'import-equals.ts', code: 'TS_IMPORT_EQUALS', at: [1, 1], remedy: /import x from/ },
  { file: 'export-equals.ts', code: 'TS_IMPORT_EQUALS', at: [3, 1], remedy: /export default/ },
  { file: 'angle-assertion.ts', code: 'TS_SYNTAX_UNSUPPORTED', at: [3, 30], remedy: /value as Type/ },
  // No JavaScript
  { file: 'jsx.ts', code: 'TS_JSX', at: [3, 42], remedy: /bundle/ },
  { file: 'jsx-generic.ts', code: 'TS_JSX', at: [3, 10], shows: '<div className="a">', remedy: /bundle/ },
  { file: 'jsx-in-js.js', code: 'TS_JSX', at: [2, 22], remedy: /bundle/ },
  { file: 'view.tsx', code: 'TS_JSX', at: [1, 41], remedy: /bundle/ },
  { file: 'view.jsx', code: 'TS_JSX', at: [1, 32], remedy: /bundle/ },
  { file: 'indirect/jsx.ts', in: 'jsx.ts', code: 'TS_JSX', at: [3, 42], remedy: /bundle/ },
  {
    file: 'indirect/view.ts',
    code: 'TS_JSX',
    at: [2, 25],
    shows: "export { default } from '../view.tsx'",
    remedy: /bundle/,
  },
  { file: 'syntax.ts', code: 'MODULE_SYNTAX', at: [3, 1], message: /Expression expected/, remedy: /Mend/ },
  {
    file: 'syntax-js.js',
    code: 'MODULE_SYNTAX',
    at: [4, 1],
    message: /Unexpected token '}'/,
    remedy: /Mend/,
  },
  { file: 'commonjs-syntax.cjs', code: 'MODULE_SYNTAX', at: [4, 3], shows: 'b', remedy: /Mend/ },
  { file: 'commonjs/import.ts', code: 'MODULE_SYNTAX', at: [1, 1], remedy: /npm pkg set type=module/ },
  { file: 'commonjs/export.ts', code: 'MODULE_SYNTAX', at: [2, 1], remedy: /npm pkg set type=module/ },
  // Imports
  {
    file: 'extension-missing.ts',
    code: 'IMPORT_EXTENSION_MISSING',
    at: [2, 23],
    shows: "import { check } from './lib/check'",
    remedy: /"\.\/lib\/check\.ts"/,
  },
  {
    file: 'indirect/extension-missing.ts',
    in: 'extension-missing.ts',
    code: 'IMPORT_EXTENSION_MISSING',
    at: [2, 23],
    remedy: /"\.\/lib\/check\.ts"/,
  },
  { file: 'extension-js.ts', code: 'IMPORT_EXTENSION_WRONG', at: [1, 23], remedy: /"\.\/lib\/check\.ts"/ },
  {
    file: 'indirect/extension-js.ts',
    in: 'extension-js.ts',
    code: 'IMPORT_EXTENSION_WRONG',
    at: [1, 23],
    remedy: /"\.\/lib\/check\.ts"/,
  },
  { file: 'import-missing.ts', code: 'IMPORT_NOT_FOUND', at: [1, 23], remedy: /"\.\/lib\/check\.ts"/ },
  {
    file: 'folder-import.ts',
    code: 'IMPORT_NOT_FOUND',
    at: [1, 23],
    message: /is a folder/,
    remedy: /a file in it/,
  },
  {
    file: 'hash-import.ts',
    code: 'IMPORT_NOT_FOUND',
    at: [1, 19],
    remedy: /`imports` of the nearest package\.json/,
  },
  { file: 'json-import.ts', code: 'IMPORT_UNSUPPORTED', at: [1, 18], remedy: /with \{ type: 'json' \}/ },
  { file: 'package-missing.ts', code: 'PACKAGE_NOT_FOUND', at: [3, 8], remedy: /npm install lodahs-fixture/ },
  {
    file: 'indirect/package-missing.ts',
    in: 'package-missing.ts',
    code: 'PACKAGE_NOT_FOUND',
    at: [3, 8],
    remedy: /npm install lodahs-fixture/,
  },
  { file: 'subpath.ts', code: 'PACKAGE_NOT_FOUND', at: [1, 19], remedy: /`exports`/ },
  {
    file: 'paths/alias.ts',
    code: 'TS_PATHS_ALIAS',
    at: [1, 24],
    shows: "import { shared } from '@/shared.ts'",
    message: /paths.tsconfig\.json/,
    remedy: /"\.\/lib\/shared\.ts".*`imports` of package\.json/,
  },
  { file: 'paths/alias-exact.ts', code: 'TS_PATHS_ALIAS', at: [1, 24], remedy: /"\.\/lib\/shared\.ts"/ },
  {
    file: 'base-url/src/kind.ts',
    code: 'TS_PATHS_ALIAS',
    at: [1, 35],
    message: /base-url.base\.json/,
    remedy: /"\.\/shared\.ts"/,
  },
  { file: 'export-missing.ts', code: 'EXPORT_MISSING', at: [1, 10], remedy: /Did you mean "check"\?/ },
  // Node 22 does not tell again what is wrong with a module that it could not link before.
  {
    file: 'indirect/export-missing.ts',
    in: 'export-missing.ts',
    code: 'EXPORT_MISSING',
    at: [1, 10],
    remedy: /"check"/,
  },
  { file: 'type-import.ts', code: 'TS_TYPE_IMPORT', at: [1, 10], remedy: /import \{ type Shape \} from/ },
  // Running
  {
    file: 'throws.ts',
    in: 'lib/check.ts',
    code: 'KIND_LOAD_FAILED',
    at: [2, 34],
    message: /throws\.ts failed while it was loaded \(LIMIT is not set\)/,
    shows: "if (value === undefined) throw new Error('LIMIT is not set')",
    remedy: /Mend/,
  },
  { file: 'indirect/throws.ts', in: 'lib/check.ts', code: 'KIND_LOAD_FAILED', at: [2, 34], remedy: /Mend/ },
  { file: 'throws-later.ts', code: 'KIND_LOAD_FAILED', at: [6, 9], message: /no connection/, remedy: /Mend/ },
  {
    file: 'throws-json.ts',
    code: 'KIND_LOAD_FAILED',
    at: [3, 6],
    shows: `JSON.parse('{ "a": ')`,
    remedy: /Mend/,
  },
  {
    file: 'throws-value.ts',
    code: 'KIND_LOAD_FAILED',
    at: undefined,
    message: /no error at all/,
    remedy: /Mend/,
  },
  { file: 'require-in-esm.ts', code: 'KIND_LOAD_FAILED', at: [1, 12], remedy: /Use `import`/ },
  // A misuse of this package keeps its code
  { file: 'misuse.ts', code: 'KEY_DUPLICATE', at: [5, 5], remedy: /a name of its own/ },
]

describe('modules that cannot be loaded', () => {
  for (const { file, code, at, shows, message, remedy, ...rest } of cases)
    test(`${file}: ${code}`, async () => {
      const error = await failureOf(load({ address: `./${file}`, base }))
      assert.equal(error.code, code, error.message)
      const { file: place, line, column } = error.place
      assert.equal(place, fixture(`broken/${rest.in ?? file}`))
      assert.deepEqual(line === undefined ? undefined : [line, column], at)
      if (shows !== undefined) assert.ok(error.message.endsWith(`: ${shows}`), error.message)
      if (message !== undefined) assert.match(error.message, message)
      assert.match(error.remedy, remedy)
      assert.notEqual(error.cause, undefined)
    })

  test('the second time they fail the same way', async () => {
    for (const file of ['enum.ts', 'decorator.ts', 'export-missing.ts', 'throws.ts', 'extension-js.ts']) {
      const [first, second] = [
        await failureOf(load({ address: `./${file}`, base })),
        await failureOf(load({ address: `./${file}`, base })),
      ]
      assert.deepEqual([second.code, second.message, second.place], [first.code, first.message, first.place])
    }
  })

  test('asked for at once, they are explained once', async () => {
    const [first, second] = await Promise.all(
      [1, 2].map(() => failureOf(load({ address: './decorator.ts', base }))),
    )
    assert.equal(first, second)
  })

  test('the cause is the error itself, its stack that of the module', async () => {
    const { cause } = await failureOf(load({ address: './throws.ts', base }))
    assert.ok(cause instanceof Error)
    assert.match(
      cause.stack ?? '',
      /^Error: LIMIT is not set\n\s+at check \(file:.*check\.ts:2:34\)\n.*throws\.ts:3:15/,
    )
    assert.equal((await failureOf(load({ address: './throws-value.ts', base }))).cause, 'no error at all')
  })
})
