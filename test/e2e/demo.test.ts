import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { countWords, differences } from '../../scripts/demo/plain-count.ts'
import { inRoot } from '../../scripts/lib/paths.ts'
import { run, runOrThrow, runScript } from '../../scripts/lib/process.ts'

const timeoutMs = 120_000
const shakespeare = inRoot('../shared/data/shakespeare.txt')

describe('the demo', () => {
  let folder: string

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'vertigo-demo-test-'))
  })

  after(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  test('counts the text of the installed packages, and says that it is right', async () => {
    const { code, output, stdout } = await run('npm', ['run', '--silent', 'demo'], { timeoutMs })
    assert.equal(code, 0, output)
    assert.match(stdout, /^Counting the words of \d+ files \(\d+\.\d MB\) on 2 workers\.$/m)
    assert.match(stdout, /^ +[\d,]+ {2}the$/m)
    assert.match(
      stdout,
      /^Checked: all [\d,]+ different words have the counts of a plain loop over the same text/m,
    )
  })

  test('counts the files that are given', async () => {
    const file = join(folder, 'small.txt')
    writeFileSync(file, "the cat, THE dog\r\nnaïve isn't x1y\nno end of the line: the")
    const { code, output, stdout } = await runScript('scripts/demo.ts', [file], { timeoutMs })
    assert.equal(code, 0, output)
    assert.match(stdout, /^ +4 {2}the$/m)
    assert.match(stdout, /^Checked: all 13 different words .* \(16 words\)\.$/m)
  })

  test('names a file that is not there', async () => {
    const { code, output } = await runScript('scripts/demo.ts', [join(folder, 'none.txt')], { timeoutMs })
    assert.equal(code, 1, output)
    assert.match(output, /FILE_NOT_FOUND: .*none\.txt/)
  })

  test(
    'counts Shakespeare as the tools of Unix do, to the last word',
    { skip: existsSync(shakespeare) ? false : 'the text is not on this machine' },
    async () => {
      const { code, output, stdout } = await runScript('scripts/demo.ts', [shakespeare], { timeoutMs })
      assert.equal(code, 0, output)
      assert.match(stdout, /^ +6,287 {2}the$/m)

      // The demo has compared the network with its loop; here the loop is compared with other programs.
      const pipeline = `LC_ALL=C tr -cs 'A-Za-z' '\\n' < "$0" | tr A-Z a-z | grep -v '^$' | sort | uniq -c`
      const unix = await runOrThrow('sh', ['-c', pipeline, shakespeare], { timeoutMs })
      const expected = new Map(
        unix.stdout
          .trim()
          .split('\n')
          .map((line) => line.trim().split(' '))
          .map(([count = '', word = '']) => [word, Number(count)]),
      )
      assert.equal(expected.get('the'), 6287)
      assert.deepEqual(differences(countWords([shakespeare]), expected), [])
    },
  )
})

describe('comparing counts', () => {
  const expected = new Map([
    ['a', 1],
    ['b', 2],
  ])

  test('equal counts have no difference, whatever their order', () => {
    assert.deepEqual(differences(new Map([...expected].toReversed()), expected), [])
  })

  test('a wrong, a missing and a foreign word are all named', () => {
    const counted = new Map([
      ['b', 3],
      ['c', 1],
    ])
    assert.deepEqual(differences(counted, expected), [
      '"a": the network counted none, the loop 1',
      '"b": the network counted 3, the loop 2',
      '"c": the network counted 1, the loop none',
    ])
  })
})
