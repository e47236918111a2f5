import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ApiClient } from '../../../../src/api/index.ts'
import { writeExport } from '../../../../src/cli/cluster/snapshot-export.ts'
import type { SnapshotContent } from '../../../../src/cluster/client/index.ts'
import { rejectsWith } from '../../testkit/errors.ts'

test('a snapshot is exported into no file, and beside nothing that is there', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-export-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'file')
  writeFileSync(file, 'mine')
  // Nobody is asked for anything before the folder is known to be free.
  const write = (to: string): Promise<unknown> => writeExport({} as ApiClient, {} as SnapshotContent, to)
  await rejectsWith(write(folder), 'FOLDER_NOT_EMPTY', /is not empty/)
  await rejectsWith(write(file), 'FOLDER_NOT_EMPTY', /file is a file/)
  await rejectsWith(write(join(file, 'in')), 'FOLDER_NOT_EMPTY', /leads through one/)
})
