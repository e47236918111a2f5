import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { builtVariable } from '../../scripts/lib/built-for-tests.ts'
import { inRoot } from '../../scripts/lib/paths.ts'

/** What of the repository the processes of tests are: the bundles that the gate has made of it, or the sources. */

/** The folder of the bundles, where the gate has made some. */
export const built: string | undefined = process.env[builtVariable]

export interface Program {
  readonly script: string
  readonly execArgv: readonly string[]
}

/** A main module under `test/integration`, such as `cluster-faults/node-process`. */
export function programOf(name: string): Program {
  if (built === undefined)
    return {
      script: inRoot('test/integration', `${name}.ts`),
      execArgv: ['--conditions=vertigo-src'],
    }
  const script = join(built, 'dist/programs', `${name}.js`)
  if (!existsSync(script)) throw new Error(`${script} has not been built: scripts/lib/built-for-tests.ts`)
  return { script, execArgv: [`--import=${fileURLToPath(new URL('with-built.ts', import.meta.url))}`] }
}
