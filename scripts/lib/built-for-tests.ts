/**
 * What the processes load that tests start: bundles, as in the package, in place of some four hundred files of the sources.
 * A node with two workers takes 0.85 s of processors to start from bundles and 1.3 s from the sources, `vertigo run` 0.8 s and
 * 1.3 s; and what users run are bundles.
 *
 * A folder of bundles is named by what is in it, so it is never out of date, and no two runs of the gate are in each other's way.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { join } from 'node:path'
import { bundlesWith } from './package-build.ts'
import { inCache, inRoot } from './paths.ts'

/** Environment variable: the folder with what has been built for tests. Without it, they start everything from the sources. */
export const builtVariable = 'VERTIGO_TEST_BUILT'

/** Main modules of processes that tests start, under `test/integration`: `test/support/program.ts` finds them. */
const programs = ['cluster-faults/node-process']

/** Folders that nobody has used for so long are removed. */
const keptMs = 24 * 60 * 60 * 1_000

/** Gives the folder: it looks like the package, and its sources are those of the repository. */
export async function buildForTests(): Promise<string> {
  const home = inCache('built')
  mkdirSync(home, { recursive: true })
  const bundles = await bundlesWith(
    Object.fromEntries(programs.map((name) => [name, `test/integration/${name}.ts`])),
  )
  const folder = join(home, bundles.hash)
  if (!existsSync(folder)) make(home, folder, (target) => bundles.write(target))
  const now = new Date()
  utimesSync(folder, now, now)
  forgetOld(home, now.getTime())
  return folder
}

function make(home: string, folder: string, write: (target: string) => void): void {
  const made = mkdtempSync(join(home, 'new-'))
  write(join(made, 'dist'))
  cpSync(inRoot('package.json'), join(made, 'package.json'))
  for (const name of ['src', 'schema']) symlinkSync(inRoot(name), join(made, name))
  try {
    renameSync(made, folder)
  } catch (error) {
    rmSync(made, { recursive: true })
    // Another run has made the same.
    if (!existsSync(folder)) throw error
  }
}

function forgetOld(home: string, nowMs: number): void {
  for (const name of readdirSync(home)) {
    const folder = join(home, name)
    if (nowMs - statSync(folder).mtimeMs > keptMs) rmSync(folder, { recursive: true, force: true })
  }
}
