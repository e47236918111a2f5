import { execFile, type ExecException } from 'node:child_process'
import { join } from 'node:path'
import { VertigoError } from '../../base/errors.ts'
import type { Claims } from './claims.ts'

/**
 * Reads a whole database in a process of its own. A file that ends before its last page may be whole (pages that were freed
 * in the commit that took them are never written) or cut off; reading behind the end of a mapped file ends the process.
 */

/** It is told its claim once that stands; whoever is killed before tells nothing (CL-7). */
const script = `
import { rmSync } from 'node:fs'
let claim = ''
for await (const bytes of process.stdin) claim += bytes
if (claim === '') process.exit(1)
const { open } = await import(process.argv[1])
const bytes = { encoding: 'binary', keyEncoding: 'binary' }
const root = open({ path: process.argv[2], noSubdir: false, readOnly: true, overlappingSync: false, ...bytes })
rmSync(claim, { force: true })
process.stdout.write('open')
for (const name of [...root.getKeys()].map(String))
  for (const { value } of root.openDB({ name, ...bytes }).getRange({})) value.length
// Closing it would have to be kept apart from others who open it; the end of the process does no harm.
process.exit()`

/** With a claim to open, which it takes back when the other process has opened the database: from there on that only reads. */
export async function probeDatabase(folder: string, claims: Claims, timeoutMs: number): Promise<void> {
  const args = ['--input-type=module', '-e', script, import.meta.resolve('lmdb'), folder]
  // None would mean no limit.
  const timeout = Math.max(1, Math.ceil(timeoutMs))
  const failure = await new Promise<ExecException | null>((resolve) => {
    const child = execFile(process.execPath, args, { timeout, killSignal: 'SIGKILL' }, (error) =>
      resolve(error),
    )
    child.stdout?.once('data', () => claims.withdraw('open'))
    // One that has ended is told of above.
    child.stdin?.once('error', () => undefined)
    child.stdin?.end(child.pid === undefined ? '' : claims.placeFor(child.pid))
  })
  if (failure === null) return
  if (failure.killed === true)
    throw new VertigoError(
      'STORE_UNREACHABLE',
      `The store in ${folder} could not be opened in time: it has to be read as a whole first, and that took more than ${timeout} ms.`,
      { cause: failure },
    )
  throw new VertigoError(
    'STORE_CORRUPT',
    `The database ${join(folder, 'data.mdb')} is damaged: it was cut off.`,
    {
      cause: failure,
    },
  )
}
