import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { parseNetwork } from '../../../src/model/index.ts'
import { checkTypes, type TypeCheckResult } from '../../../src/cli/validate-types.ts'

const repository = join(import.meta.dirname, '../../..')

export interface Project {
  readonly folder: string
  readonly check: (network: string) => Promise<TypeCheckResult>
}

/** A user's project in a folder of its own; `@vertigo` in its files stands for this package. */
export async function typeProject(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  options: { readonly packages?: boolean } = {},
): Promise<Project> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'vertigo-types-')))
  t.after(() => rm(folder, { recursive: true, force: true }))
  if (options.packages !== false) {
    await mkdir(join(folder, 'node_modules/@types'), { recursive: true })
    for (const name of ['typescript', '@types/node', 'valibot', '@standard-schema'])
      await symlink(join(repository, 'node_modules', name), join(folder, 'node_modules', name))
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(
      join(folder, name),
      text.replaceAll('@vertigo', join(repository, 'src/component/index.ts')),
    )
  }
  return {
    folder,
    check: async (text) => {
      const file = join(folder, 'network.yaml')
      await writeFile(file, text)
      const { network, places } = parseNetwork(text, { file })
      return checkTypes(network, { file, places })
    },
  }
}

/** Faults as `line:column code path message`. */
export function told(result: TypeCheckResult): string[] {
  return result.faults.map(
    ({ code, message, place: { line, column, path = '' } }) => `${line}:${column} ${code} ${path} ${message}`,
  )
}
