/**
 * A cluster that carries on: three nodes, each a process of its own, count the words of a text; in the middle one of them is
 * killed. Shows who does what and how long it took until the others went on, and holds the counts against a plain loop's.
 *
 *   npm run demo                      the Markdown files of the installed packages
 *   npm run demo -- <file> ...        other files
 *   npm run demo -- --vertigo <path>  with nodes of this command `vertigo`
 *
 * Ends with exit code 0 where all is as promised, 1 where it is not, 2 for wrong use. Ctrl-C ends it at any time. However it
 * ends, no process is left; and unless it is killed by SIGKILL, no file.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isVertigoError } from 'vertigo-flow'
import { Demo } from './demo/demo.ts'
import { Screen } from './demo/screen.ts'
import { installedTexts } from './demo/text.ts'

const home = join(import.meta.dirname, '..')
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }

const { vertigo, files } = given()
const demo = new Demo(files, vertigo, new Screen())
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => void demo.end().then(() => process.exit(exitCodes[signal])))
// Whoever reads what it says is gone.
process.stdout.on('error', () => void demo.end().then(() => process.exit(1)))

try {
  process.exitCode = (await demo.play()) ? 0 : 1
} catch (error) {
  // Of what it was doing when it was ended there is nothing to tell.
  if (!demo.isEnding) {
    process.exitCode = 1
    console.error(`\n${explained(error)}`)
  }
}
await demo.end()

function given(): { readonly vertigo: readonly string[]; readonly files: readonly string[] } {
  try {
    const { values, positionals } = parseArgs({
      options: { vertigo: { type: 'string' } },
      allowPositionals: true,
    })
    return {
      // Without a command, the one of this repository, in the way in which this process runs.
      vertigo:
        values.vertigo === undefined
          ? [process.execPath, ...process.execArgv, join(home, 'src/cli/main.ts')]
          : [values.vertigo],
      files: positionals.length === 0 ? installedTexts(home) : positionals,
    }
  } catch (error) {
    console.error(`${(error as Error).message}\nUsage: npm run demo [-- <file> ...]`)
    process.exit(2)
  }
}

function explained(error: unknown): string {
  if (isVertigoError(error)) {
    const faults = error.faults.map(explained)
    return [`${error.code}: ${error.message}`, ...faults, error.remedy].join('\n')
  }
  return error instanceof Error ? error.message : String(error)
}
