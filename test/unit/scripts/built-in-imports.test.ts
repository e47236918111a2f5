import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rewriteBuiltInImports } from '../../../scripts/lib/built-in-imports.ts'

test('imports of modules of Node become calls, on the lines where they stood', () => {
  const { text, builtIns } = rewriteBuiltInImports(
    [
      "import { type Stats, readFileSync as read } from 'node:fs'",
      'import {',
      '  type Buffer as Bytes,',
      '  join,',
      '  relative,',
      "} from 'node:path'",
      "import vm from 'node:vm'",
      "import { open } from 'node:fs/promises'",
      'export const one = 1',
    ].join('\n'),
  )
  assert.deepEqual(builtIns, ['node:fs', 'node:path', 'node:vm', 'node:fs/promises'])
  assert.deepEqual(
    text.split('\n').map((line) => line.replaceAll(/\s+/g, ' ').trim()),
    [
      "const { readFileSync: read } = process.getBuiltinModule('node:fs')",
      'const {',
      '',
      'join,',
      'relative,',
      "} = process.getBuiltinModule('node:path')",
      "const vm = process.getBuiltinModule('node:vm')",
      "const { open } = process.getBuiltinModule('node:fs/promises')",
      'export const one = 1',
    ],
  )
})

test('everything else stays as it is', () => {
  const source = [
    "import type { Stats } from 'node:fs'",
    // Of the module that older versions of Node have to be able to load.
    "import * as nodeModule from 'node:module'",
    "import { join } from './join.ts'",
    "import { parse } from 'yaml'",
    "  const text = `import { a } from 'node:fs'`",
  ].join('\n')
  assert.deepEqual(rewriteBuiltInImports(source), { text: source, builtIns: [] })
})
