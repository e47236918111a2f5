/**
 * What the processes load that tests start: bundles, as in the package, in place of some four hundred files of the sources.
 * A node with two workers takes 0.85 s of processors to start from bundles and 1.3 s from the sources, `vertigo run` 0.8 s and
 * 1.3 s; and what users run are bundles.
 *
 * A folder of bundles is named by what is in it, so it is never out of date, and no two runs of the gate are in each other's way.
 */
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Bundles, bundlesWith } from './package-build.ts'
import { inCache, inRoot } from './paths.ts'

/** Environment variable: the folder with what has been built for tests. Without it, they start everything from the sources. */
export const builtVariable = 'VERTIGO_TEST_BUILT'

/** Main modules of processes that tests start, under `test/integration`: `test/support/program.ts` finds them. */
const programs = ['cluster-faults/node-process']

/** Folders that nobody has used for so long are removed. */
const keptMs = 24 * 60 * 60 * 1_000

/** Gives the folder: it looks like the package. Its sources are those of the repository, its types what `npm run build` has left. */
export async function buildForTests(): Promise<string> {
  const home = inCache('built')
  mkdirSync(home, { recursive: true })
  const bundles = await bundlesWith(
    Object.fromEntries(programs.map((name) => [name, `test/integration/${name}.ts`])),
  )
  const manifest = manifestText()
  const folder = join(
    home,
    createHash('sha256').update(bundles.hash).update(manifest).digest('hex').slice(0, 16),
  )
  if (!existsSync(folder)) make(home, folder, { bundles, manifest })
  const now = new Date()
  utimesSync(folder, now, now)
  forgetOld(home, now.getTime())
  return folder
}

/** Declarations take the compiler five times as long as the bundles take: they are those of the step before. */
function manifestText(): string {
  return readFileSync(inRoot('package.json'), 'utf8').replaceAll('"types": "./dist/', '"types": "./types/')
}

function make(
  home: string,
  folder: string,
  { bundles, manifest }: { readonly bundles: Bundles; readonly manifest: string },
): void {
  const made = mkdtempSync(join(home, 'new-'))
  bundles.write(join(made, 'dist'))
  writeFileSync(join(made, 'package.json'), manifest)
  for (const name of ['src', 'schema']) symlinkSync(inRoot(name), join(made, name))
  symlinkSync(inRoot('dist'), join(made, 'types'))
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
