import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { VertigoError } from '../../base/errors.ts'

/**
 * Reads a whole database in a process of its own. A file that ends before its last page may be whole (pages that were freed
 * in the commit that took them are never written) or cut off; reading behind the end of a mapped file ends the process.
 */

const probeTimeoutMs = 60_000

const script = `
const { open } = await import(process.argv[1])
const bytes = { encoding: 'binary', keyEncoding: 'binary' }
const root = open({ path: process.argv[2], noSubdir: false, readOnly: true, overlappingSync: false, ...bytes })
for (const name of [...root.getKeys()].map(String))
  for (const { value } of root.openDB({ name, ...bytes }).getRange({})) value.length
await root.close()`

export async function probeDatabase(folder: string): Promise<void> {
  const args = ['--input-type=module', '-e', script, import.meta.resolve('lmdb'), folder]
  const failure = await new Promise<Error | null>((resolve) => {
    execFile(process.execPath, args, { timeout: probeTimeoutMs }, (error) => resolve(error))
  })
  if (failure === null) return
  throw new VertigoError(
    'STORE_CORRUPT',
    `The database ${join(folder, 'data.mdb')} is damaged: it was cut off.`,
    {
      cause: failure,
    },
  )
}
