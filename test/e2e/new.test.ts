import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { assertCode, linkPackages, repository, Session, vertigo } from './support.ts'

function emptyFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-new-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('a new project runs, its test passes, and its types fit', async (t) => {
  const cwd = emptyFolder(t)
  const made = await vertigo(t, ['new', 'Word Count', '--yes'], { cwd })
  assertCode(made, 0)
  assert.match(made.stdout, /^Next:\n {2}cd "Word Count"\n {2}npm install\n {2}npm start/m)
  const folder = join(cwd, 'Word Count')
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name: string
    dependencies: Record<string, string>
    scripts: Record<string, string>
  }
  const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
    version: string
  }
  assert.equal(manifest.name, 'word-count')
  assert.equal(manifest.dependencies['vertigo-flow'], `^${version}`)
  assert.equal(manifest.scripts['start'], 'vertigo run network.yaml')
  assert.equal(manifest.scripts['dev'], 'vertigo run network.yaml --dev')
  assert.ok(existsSync(join(folder, '.gitignore')))
  assert.ok(existsSync(join(folder, '.vscode/settings.json')))
  const left = readdirSync(folder).flatMap((name) =>
    name.endsWith('.txt') && name !== 'input.txt' ? [name] : [],
  )
  assert.deepEqual(left, [])

  linkPackages(folder)
  // The command runs from the sources, so the project has to see the types of the sources.
  const config = join(folder, 'tsconfig.json')
  const condition = '"customConditions": ["vertigo-src"], "strict": true'
  writeFileSync(config, readFileSync(config, 'utf8').replace('"strict": true', condition))
  const ran = await vertigo(t, ['run', 'network.yaml'], { cwd: folder })
  assertCode(ran, 0)
  assert.match(ran.stdout, /^\{"word":"network","count":2\}$/m)
  assertCode(
    await new Session(t, [process.execPath, '--conditions=vertigo-src', '--test'], { cwd: folder }).ended(),
    0,
  )
  const types = await vertigo(t, ['validate', 'network.yaml', '--types'], { cwd: folder })
  assertCode(types, 0)
  assert.match(types.stdout, /types checked: 3 connections/)
})

test('a folder that is in use is refused and stays as it is', async (t) => {
  const cwd = emptyFolder(t)
  mkdirSync(join(cwd, 'used'))
  writeFileSync(join(cwd, 'used/mine.txt'), 'mine')
  for (const [folder, message] of [
    ['used', /^error FOLDER_NOT_EMPTY: used is not empty: it holds mine\.txt/],
    ['used/mine.txt', /^error FOLDER_NOT_EMPTY: used\/mine\.txt is a file/],
    ['/sys/new', /^error FILE_NOT_WRITABLE: /],
    // Node's recursive mkdir never ends here.
    ['/proc/new/project', /^error FILE_NOT_WRITABLE: /],
  ] as const) {
    const result = await vertigo(t, ['new', folder], { cwd })
    assertCode(result, 4)
    assert.equal(result.stdout, '')
    assert.match(result.stderr, message)
  }
  assert.deepEqual(readdirSync(join(cwd, 'used')), ['mine.txt'])
})

test('an empty folder, and one with a repository only, are filled', async (t) => {
  const cwd = emptyFolder(t)
  mkdirSync(join(cwd, '.git'))
  const result = await vertigo(t, ['new', '.'], { cwd })
  assertCode(result, 0)
  assert.doesNotMatch(result.stdout, /^ {2}cd /m)
  assert.ok(existsSync(join(cwd, 'network.yaml')))
})
