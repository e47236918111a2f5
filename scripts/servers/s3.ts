/**
 * The server that tests of snapshots in object storage run against: gofakes3, which speaks the protocol of S3 and keeps its objects
 * in a file; built from the module of its authors where Go is at hand.
 *
 *   node scripts/servers/s3.ts      provides it, and says where it is
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { inCache } from '../lib/paths.ts'
import { runOrThrow } from '../lib/process.ts'
import { onPath, type Provided } from './provided.ts'

const version = '1.2.0'
const buildMsMax = 600_000

let provided: Promise<Provided> | undefined

/** Finds or makes the server; once for each process. */
export function provideS3(): Promise<Provided> {
  provided ??= provide()
  return provided
}

async function provide(): Promise<Provided> {
  const path = inCache('servers', `gofakes3-${version}`, 'gofakes3')
  if (existsSync(path)) return { path }
  const go = onPath('go')
  if (go === undefined)
    return { missing: `gofakes3 ${version} is not in .cache/servers, and there is no Go to build it` }
  try {
    await build(go, path)
    return { path }
  } catch (error) {
    return { missing: `gofakes3 ${version} could not be built: ${(error as Error).message.slice(0, 500)}` }
  }
}

async function build(go: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const folder = await mkdtemp(`${dirname(path)}-build-`)
  try {
    const options = { cwd: folder, timeoutMs: buildMsMax, env: { GOBIN: folder } }
    const module = `github.com/johannesboyne/gofakes3/cmd/gofakes3@v${version}`
    await runOrThrow(go, ['install', '-trimpath', module], options)
    // Somebody else may have built it meanwhile; it is the same.
    await rename(join(folder, 'gofakes3'), path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const found = await provideS3()
  console.log(`s3: ${'path' in found ? found.path : found.missing}`)
}
