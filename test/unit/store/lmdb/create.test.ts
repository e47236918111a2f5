import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { openStore } from '../../../../src/stores.ts'
import { hasCode } from '../support/errors.ts'

test('who only looks makes no store, and leaves nothing behind', async () => {
  const root = mkdtempSync(join(tmpdir(), 'vertigo-create-'))
  try {
    const folder = join(root, 'mistyped')
    const look = (at: string): Promise<unknown> => openStore(`lmdb:${at}`, systemClock, { create: false })
    await assert.rejects(look(folder), hasCode('STORE_NOT_FOUND'))
    await assert.rejects(look(root), hasCode('STORE_NOT_FOUND'))
    assert.equal(existsSync(folder), false)
    assert.deepEqual(readdirSync(root), [])
    await (await openStore(`lmdb:${folder}`, systemClock)).close()
    const again = await openStore(`lmdb:${folder}`, systemClock, { create: false })
    assert.deepEqual((await again.range('')).entries, [])
    await again.close()
  } finally {
    rmSync(root, { recursive: true })
  }
})
