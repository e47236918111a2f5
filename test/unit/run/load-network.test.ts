import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { VertigoError } from '../../../src/base/errors.ts'
import { loadNetwork } from '../../../src/run/load-network.ts'

test('a module is asked for once, also where it fails: one that never loads is not waited for twice', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-load-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'net.yaml')
  writeFileSync(file, 'name: n\ncomponents: { a: { kind: ./a.ts }, b: { kind: ./a.ts } }\nconnections: []\n')
  let loads = 0
  const load = async (): Promise<never> => {
    loads++
    throw new VertigoError('KIND_LOAD_TIMEOUT', 'it did not finish loading')
  }
  await assert.rejects(loadNetwork(file, { load }), { code: 'NETWORK_INVALID' })
  assert.equal(loads, 1)
})
