import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { cliPage } from '../../../scripts/generate/cli.ts'
import { exportsOf } from '../../../scripts/generate/declarations.ts'
import { lineDiff } from '../../../scripts/generate/diff.ts'
import { errorsPage } from '../../../scripts/generate/errors.ts'
import { sectionsOf } from '../../../scripts/generate/json-schema.ts'
import { commands } from '../../../src/cli/commands.ts'
import { errorCodes } from '../../../src/base/error-codes.ts'

test('the page of errors has every code with its remedy', async () => {
  const page = await errorsPage.make()
  for (const [code, { remedy }] of Object.entries(errorCodes)) {
    assert.ok(page.includes(`### \`${code}\`\n`), code)
    assert.ok(page.includes(remedy), remedy)
  }
})

test('a difference shows what goes and what comes', () => {
  assert.equal(lineDiff('a\nb\nc', 'a\nd\nc'), '- b\n+ d')
})

test('the page of the command line has the help of every command', async () => {
  const page = await cliPage.make()
  const helped = Object.entries(commands).flatMap(([name, entry]) => [
    `## vertigo ${name}\n\n\`\`\`text\nUsage: vertigo ${name}`,
    ...('commands' in entry ? Object.keys(entry.commands) : []).map(
      (inner) => `### vertigo ${name} ${inner}\n\n\`\`\`text\nUsage: vertigo ${name} ${inner}`,
    ),
  ])
  assert.ok(helped.length > 40, `${helped.length} commands`)
  for (const help of helped) assert.ok(page.includes(help), help)
})

test('exports are followed to where they are declared', () => {
  const folder = mkdtempSync(join(tmpdir(), 'declarations-'))
  try {
    writeFileSync(
      join(folder, 'index.d.ts'),
      "import { inner } from './deep.js';\nexport { type A as B, f } from './a.js';\nexport * from './deep.js';\nexport { inner as renamed };\n",
    )
    writeFileSync(
      join(folder, 'a.d.ts'),
      '/** What A is. */\nexport interface A {\n    x: number;\n}\n/**\n * Calls.\n * @param a - what\n */\nexport declare function f(a: A): void;\nexport declare function f(): void;\n',
    )
    writeFileSync(
      join(folder, 'deep.d.ts'),
      '/** C. */\nexport declare class C {\n    #private;\n    private x;\n    y: number;\n}\nexport declare const inner: 1;\n',
    )
    assert.deepEqual(exportsOf(join(folder, 'index.d.ts')), [
      { name: 'B', comment: 'What A is.', signature: 'interface A {\n    x: number;\n}' },
      {
        name: 'f',
        comment: 'Calls.\n@param a - what',
        signature: 'function f(a: A): void;\nfunction f(): void;',
      },
      { name: 'C', comment: 'C.', signature: 'class C {\n    y: number;\n}' },
      { name: 'inner', comment: '', signature: 'const inner: 1;' },
      { name: 'renamed', comment: '', signature: 'const inner: 1;' },
    ])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a schema gives its objects with their fields', () => {
  const sections = sectionsOf({
    $defs: {
      policy: {
        oneOf: [
          { const: 'fail' },
          { type: 'object', properties: { times: { type: 'integer', minimum: 0 } } },
        ],
      },
    },
    required: ['name'],
    properties: {
      name: { type: 'string', description: 'Its name.' },
      components: {
        type: 'object',
        additionalProperties: {
          type: 'object',
          properties: { errors: { $ref: '#/$defs/policy', default: 'fail' } },
        },
      },
    },
  })
  assert.deepEqual(
    sections.map(({ path, fields }) => [
      path,
      fields.map(({ name, type, required, default: byDefault }) => [name, type, required, byDefault]),
    ]),
    [
      [
        '',
        [
          ['name', 'string', true, ''],
          ['components', 'names to object', false, ''],
        ],
      ],
      ['components.<name>', [['errors', '"fail" or object', false, '"fail"']]],
      ['components.<name>.errors', [['times', 'integer, at least 0', false, '']]],
    ],
  )
})
