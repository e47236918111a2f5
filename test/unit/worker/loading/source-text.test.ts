import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { codeOnly, importsIn, jsxIn, withoutComments } from '../../../../src/worker/loading/source-text.ts'

describe('the text of modules', () => {
  test('imports of all forms, with their places, and nothing that only looks like one', () => {
    const source = [
      "import a from './a.ts'",
      "// import b from './b.ts'",
      'const text = "import c from \'./c.ts\'"',
      "export * from './d.ts'",
      "  const e = await import('./e.ts')",
      'const t = `${`import "./f.ts"`}import "./g.ts" ${x} /*`',
      "const r = /['\"/]\\/*/; import './h.ts'",
      '/* export',
      "from './i.ts' */ const q = a / b; import './j.ts'",
    ].join('\n')
    assert.deepEqual(
      importsIn(source).map(({ specifier, line, column }) => [specifier, line, column]),
      [
        ['./a.ts', 1, 15],
        ['./d.ts', 4, 15],
        ['./e.ts', 5, 26],
        ['./h.ts', 7, 30],
        ['./j.ts', 9, 42],
      ],
    )
  })

  test('blanking keeps every position', () => {
    const source = 'const a = "x" // y\nconst b = `p${{ q: "r" }}s`\n/* z\n*/ const c = 1'
    const code = codeOnly(source)
    assert.equal(code.length, source.length)
    assert.equal(code, 'const a = " "     \nconst b = ` ${{ q: " " }} `\n    \n   const c = 1')
    assert.equal(withoutComments('{ "a": "//", // b\n "c": 1 }'), '{ "a": "//",     \n "c": 1 }')
  })

  test('texts that end in the middle of something', () => {
    for (const source of ['"a', '`a', '`a${', '/* a', '// a', '/a', "'\\", '`\\'])
      assert.equal(codeOnly(source).length, source.length)
  })

  test('JSX is told from generics and comparisons', () => {
    assert.deepEqual(jsxIn('const a = <p>x</p>'), { line: 1, column: 15 })
    assert.deepEqual(jsxIn('const a =\n  <Input value="1" />'), { line: 2, column: 3 })
    assert.equal(jsxIn('const a = <T>(x: Array<T>): x is T => a < b / 2 // </p>'), undefined)
    assert.equal(jsxIn("const html = '<p>x</p>'"), undefined)
  })
})
