import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readSecret } from '../../../src/api/secret.ts'
import { isVertigoError } from '../../../src/base/errors.ts'

test('a secret is read from a variable or a file', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-secret-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'token')
  writeFileSync(file, 'in a file\n')
  assert.equal((await readSecret('env:TOKEN', { TOKEN: 'in a variable' })).text, 'in a variable')
  assert.equal((await readSecret('${env:TOKEN}', { TOKEN: 'in a variable' })).text, 'in a variable')
  assert.equal((await readSecret(`file:${file}`, {})).text, 'in a file\n')
})

test('what is no reference, or leads nowhere, is refused without the text that was given', async () => {
  for (const reference of ['plain-token-in-the-clear', 'env:', 'env:NONE', 'file:/none/at/all', 'http://x'])
    await assert.rejects(readSecret(reference, {}), (error) => {
      assert.ok(isVertigoError(error) && error.code === 'SECRET_INVALID', reference)
      assert.ok(!error.message.includes('plain-token'))
      return true
    })
})
