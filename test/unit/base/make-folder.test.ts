import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { makeFolder } from '../../../src/base/make-folder.ts'

let root: string

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'vertigo-folder-'))
})

after(() => rm(root, { recursive: true }))

test('what is not there is made, and the uppermost of it is told', async () => {
  const deep = join(root, 'a', 'b', 'c')
  assert.equal(await makeFolder(deep), join(root, 'a'))
  assert.ok((await stat(deep)).isDirectory())
  assert.equal(await makeFolder(deep), undefined)
  assert.equal(await makeFolder(join(root, 'a', 'd')), join(root, 'a', 'd'))
})

test('several may make the same one', async () => {
  const made = await Promise.all(Array.from({ length: 8 }, () => makeFolder(join(root, 'x', 'y', 'z'))))
  assert.ok(made.includes(join(root, 'x')))
})

test('what cannot be made is an error at once, also where a file stands or the system has no such place', async () => {
  await writeFile(join(root, 'file'), '')
  await assert.rejects(makeFolder(join(root, 'file')), { code: 'EEXIST' })
  await assert.rejects(makeFolder(join(root, 'file', 'below')), { code: 'ENOTDIR' })
})

test('below /proc it is an error, not a loop without end', { skip: process.platform !== 'linux' }, () =>
  assert.rejects(makeFolder('/proc/nothing/here'), { code: 'ENOENT' }),
)
