/**
 * The etcd servers that tests and benchmarks run against: that of the distribution, installed where it is missing, and a
 * current release, built from the modules of its authors where Go is at hand.
 *
 *   node scripts/servers/etcd.ts      provides both, and says where they are
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { inCache } from '../lib/paths.ts'
import { runOrThrow } from '../lib/process.ts'
import { aptInstall } from './apt.ts'
import { onPath, type Provided } from './provided.ts'

export type EtcdRelease = 'distribution' | 'current'

/** The newest of the line that the distributions will have next. */
const currentVersion = '3.5.21'
const buildMsMax = 600_000

const provided = new Map<EtcdRelease, Promise<Provided>>()

/** Finds or makes the server; once for each process. */
export function provideEtcd(release: EtcdRelease): Promise<Provided> {
  let found = provided.get(release)
  if (found === undefined) {
    found = release === 'distribution' ? provideDistribution() : provideCurrent()
    provided.set(release, found)
  }
  return found
}

async function provideDistribution(): Promise<Provided> {
  const found = onPath('etcd')
  if (found !== undefined) return { path: found }
  const remedy = 'install etcd 3.4 or newer (Debian, Ubuntu: apt-get install etcd-server)'
  const why = await aptInstall('etcd-server')
  const path = onPath('etcd')
  return path === undefined ? { missing: `there is no etcd on the PATH (${why}); ${remedy}` } : { path }
}

async function provideCurrent(): Promise<Provided> {
  const path = inCache('servers', `etcd-${currentVersion}`, 'etcd')
  if (existsSync(path)) return { path }
  const go = onPath('go')
  if (go === undefined)
    return { missing: `etcd ${currentVersion} is not in .cache/servers, and there is no Go to build it` }
  try {
    await build(go, path)
    return { path }
  } catch (error) {
    return { missing: `etcd ${currentVersion} could not be built: ${(error as Error).message.slice(0, 500)}` }
  }
}

/** `go install` refuses a module with replacements, so a module of our own calls its entry. */
async function build(go: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const folder = await mkdtemp(`${dirname(path)}-build-`)
  try {
    await writeFile(
      join(folder, 'main.go'),
      `package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
`,
    )
    await writeFile(join(folder, 'go.mod'), 'module etcdbuild\n\ngo 1.23\n')
    const options = { cwd: folder, timeoutMs: buildMsMax }
    await runOrThrow(go, ['get', `go.etcd.io/etcd/server/v3@v${currentVersion}`], options)
    await runOrThrow(go, ['build', '-trimpath', '-o', 'etcd', '.'], options)
    // Somebody else may have built it meanwhile; it is the same.
    await rename(join(folder, 'etcd'), path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  for (const release of ['distribution', 'current'] as const) {
    const found = await provideEtcd(release)
    console.log(`${release}: ${'path' in found ? found.path : found.missing}`)
    if ('missing' in found && release === 'distribution') process.exitCode = 1
  }
}
