import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { defineSource, port } from 'vertigo-flow'

/** The path of every file below a folder. */
export default defineSource({
  description: 'Paths of the files below a folder.',
  outputs: { path: port<string>() },
  config: v.strictObject({ folder: v.string() }),
  async *read({ config }) {
    const entries = await readdir(config.folder, { recursive: true, withFileTypes: true })
    for (const entry of entries) if (entry.isFile()) yield join(entry.parentPath, entry.name)
  },
})
