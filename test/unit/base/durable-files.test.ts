import assert from 'node:assert/strict'
import { mkdtemp, mkdir, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createDurably, writeDurably } from '../../../src/base/durable-files.ts'

describe('durable files', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vertigo-durable-'))
  })
  after(() => rm(folder, { recursive: true }))

  for (const [write, second] of [
    [writeDurably, 'second'],
    [createDurably, 'first'],
  ] as const) {
    test(`${write.name}: whole under its name, nothing beside it; written again, it has the ${second}`, async () => {
      const path = join(await mkdtemp(join(folder, 'in-')), 'it')
      for (const content of ['first', 'second']) await write(path, `${path}.tmp`, Buffer.from(content))
      assert.equal(await readFile(path, 'utf8'), second)
      assert.deepEqual(await readdir(join(path, '..')), ['it'])
    })

    test(`${write.name}: what is told is why it could not be written, not that nothing could be taken away`, async () => {
      const path = join(folder, `${write.name}-fails`)
      await mkdir(`${path}.tmp`)
      await assert.rejects(write(path, `${path}.tmp`, Buffer.from('x')), { code: 'EEXIST' })
    })
  }
})
