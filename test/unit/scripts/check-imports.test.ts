import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { type ImportTable, importTable } from '../../../scripts/import-table.ts'
import { checkImports } from '../../../scripts/imports/check.ts'
import { showFault } from '../../../scripts/imports/fault.ts'

const table: ImportTable = {
  rows: {
    base: [],
    store: ['base'],
    upper: ['store', 'base'],
    one: ['two'],
    two: ['one'],
    cli: 'everything',
  },
  interfaces: ['store'],
  composers: ['cli'],
}

/** The faults in a repository that is made of these files. */
function faultsOf(files: Readonly<Record<string, string>>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'check-imports-'))
  try {
    const manifest = { name: 'the-package', dependencies: { declared: '1.0.0' } }
    for (const [path, text] of Object.entries({ 'package.json': JSON.stringify(manifest), ...files })) {
      mkdirSync(join(folder, dirname(path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    return checkImports(folder, table).faults.map(showFault)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Exactly one fault, with `pattern` in it. */
function onlyFault(files: Readonly<Record<string, string>>, pattern: RegExp): void {
  const faults = faultsOf(files)
  assert.equal(faults.length, 1, `one fault, not ${JSON.stringify(faults)}`)
  assert.match(faults[0]!, pattern)
}

test('what the table allows is no fault', () => {
  const faults = faultsOf({
    'src/base/clock.ts': 'export const now = () => Date.now() + Math.random()',
    'src/store/store.ts': "import { now } from '../base/clock.ts'\nexport const at = now",
    'src/store/memory/memory.ts': "import { at } from '../store.ts'\nexport const memory = at",
    'src/upper/a.ts': "import { at } from '../store/store.ts'\nexport { at }",
    'src/cli/main.ts':
      "import { memory } from '../store/memory/memory.ts'\nimport fs from 'node:fs'\nimport 'declared/deep'\nconsole.log(fs, memory)",
    'test/a.test.ts':
      "import { at } from '../src/store/store.ts'\nimport 'undeclared'\nconsole.log(at, Date.now())",
  })
  assert.deepEqual(faults, [])
})

const upward = {
  value: "import { a } from '../upper/a.ts'\nexport const b = a",
  type: "import type { A } from '../upper/a.ts'\nexport type B = A",
  export: "export { a } from '../upper/a.ts'",
  'export of everything': "export * from '../upper/a.ts'",
  'type in place': "export type B = import('../upper/a.ts').A",
  dynamic: "export const load = () => import('../upper/a.ts')",
}
for (const [how, text] of Object.entries(upward))
  test(`an import that points up is a fault: ${how}`, () => {
    onlyFault(
      { 'src/base/b.ts': text, 'src/upper/a.ts': 'export const a = 1\nexport type A = number' },
      /^src\/base\/b\.ts:1 imports \.\.\/upper\/a\.ts: base may import no other folder/,
    )
  })

test('a folder without a row is a fault', () => {
  onlyFault({ 'src/new-folder/a.ts': 'export const a = 1' }, /^src\/new-folder\/a\.ts belongs to no row/)
})

test('an interface does not import its backend', () => {
  onlyFault(
    {
      'src/store/store.ts': "export { memory } from './memory/memory.ts'",
      'src/store/memory/memory.ts': 'export const memory = 1',
    },
    /store\/memory is a backend; only cli may choose one/,
  )
})

test('a backend does not import another one', () => {
  onlyFault(
    {
      'src/store/a/a.ts': "export { b } from '../b/b.ts'",
      'src/store/b/b.ts': 'export const b = 1',
    },
    /store\/b is a backend/,
  )
})

test('nobody but a composition root imports a backend', () => {
  onlyFault(
    {
      'src/upper/a.ts': "export { memory } from '../store/memory/memory.ts'",
      'src/store/memory/memory.ts': 'export const memory = 1',
    },
    /^src\/upper\/a\.ts:1 .*store\/memory is a backend/,
  )
})

test('src does not import test helpers', () => {
  onlyFault(
    { 'src/base/a.ts': "export { help } from '../../test/help.ts'", 'test/help.ts': 'export const help = 1' },
    /nothing in src imports from outside of src/,
  )
})

test('a cycle of files is a fault that shows its way', () => {
  onlyFault(
    {
      'src/base/a.ts': "import { b } from './b.ts'\nexport const a = () => b",
      'src/base/b.ts': "import { c } from './c.ts'\nexport const b = () => c",
      'src/base/c.ts': "import { a } from './a.ts'\nexport const c = () => a",
    },
    /cycle of files: src\/base\/a\.ts -> src\/base\/b\.ts -> src\/base\/c\.ts -> src\/base\/a\.ts/,
  )
})

test('a cycle of types alone is a fault', () => {
  onlyFault(
    {
      'scripts/a.ts': "import type { B } from './b.ts'\nexport type A = B[]",
      'scripts/b.ts': "import type { A } from './a.ts'\nexport type B = A[]",
    },
    /cycle of files: scripts\/a\.ts -> scripts\/b\.ts -> scripts\/a\.ts/,
  )
})

test('a file that imports itself is a fault', () => {
  onlyFault({ 'scripts/a.ts': "import type { A } from './a.ts'\nexport type B = A" }, /cycle of files/)
})

test('a cycle of folders is a fault also where no file is in a cycle', () => {
  onlyFault(
    {
      'src/one/a.ts': "export { b } from '../two/b.ts'",
      'src/two/b.ts': 'export const b = 1',
      'src/two/c.ts': "export { d } from '../one/d.ts'",
      'src/one/d.ts': 'export const d = 1',
    },
    /cycle of folders: src\/one -> src\/two -> src\/one/,
  )
})

const packages = {
  undeclared: /neither among the dependencies .* nor bundled/,
  fs: /write node:fs/,
  'the-package': /import the file itself/,
  typescript: /TypeScript compiler/,
}
for (const [name, pattern] of Object.entries(packages))
  test(`src does not import ${name}`, () => {
    onlyFault({ 'src/base/a.ts': `import '${name}'` }, pattern)
  })

test('nothing imports the interface of the TypeScript compiler, not even scripts, not even types', () => {
  onlyFault(
    { 'scripts/a.ts': "import type { Program } from 'typescript'\nexport type A = Program" },
    /TypeScript compiler/,
  )
})

const hidden = [
  'Date.now()',
  'new Date()',
  'new Date',
  'Date()',
  'Math.random()',
  'crypto.randomUUID()',
  'globalThis.crypto.randomUUID()',
  "Math['random']()",
  'process.hrtime()',
  'process.hrtime.bigint()',
  'performance.now()',
  '[1].map(Math.random)',
]
for (const expression of hidden)
  test(`\`${expression}\` is a fault outside of base`, () => {
    onlyFault(
      { 'src/upper/a.ts': `\nexport const a = ${expression}` },
      /^src\/upper\/a\.ts:2 uses .* that is given/,
    )
  })

test('imports that hide time or randomness are faults', () => {
  const faults = faultsOf({
    'src/upper/a.ts':
      "import { performance } from 'node:perf_hooks'\nimport { randomUUID as id } from 'node:crypto'\nimport { setTimeout } from 'node:timers/promises'\nexport const a = [performance, id, setTimeout]",
  })
  assert.equal(faults.length, 3)
})

test('comments, strings and given dates are no use of the clock', () => {
  const text = [
    '// Date.now() and Math.random()',
    '/* new Date() */',
    "export const a = 'Date.now()' + `new Date()`",
    'export const b = new Date(0)',
    'export const c = { now: () => 1 }.now()',
  ].join('\n')
  assert.deepEqual(faultsOf({ 'src/upper/a.ts': text }), [])
})

test('a file of more than 400 lines of code is a fault; comments and blank lines do not count', () => {
  const code = 'console.log(1)\n'.repeat(400)
  const rest = '\n// a comment\n/* another\none */\n'.repeat(50)
  assert.deepEqual(faultsOf({ 'scripts/a.ts': rest + code }), [])
  onlyFault({ 'scripts/a.ts': `${code}console.log(1)\n` }, /has 401 lines of code/)
  assert.deepEqual(faultsOf({ 'scripts/a.ts': `// Generated by a program\n${code}console.log(1)\n` }), [])
})

test('a file that cannot be parsed is named', () => {
  assert.throws(() => faultsOf({ 'scripts/a.ts': 'const = 1' }), /scripts\/a\.ts/)
})

test('the table of this repository points down: no row reaches itself', () => {
  const { rows } = importTable
  for (const start of Object.keys(rows)) {
    const seen = new Set<string>()
    const visit = (row: string): void => {
      const allowed = rows[row]
      if (allowed === undefined || allowed === 'everything') return
      for (const next of allowed) {
        assert.ok(Object.hasOwn(rows, next), `${row} names ${next}, which has no row`)
        assert.notEqual(next, start, `${start} reaches itself through ${row}`)
        if (seen.has(next)) continue
        seen.add(next)
        visit(next)
      }
    }
    visit(start)
  }
})
