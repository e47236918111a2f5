/**
 * The PostgreSQL that tests of its connectors run against: that of the distribution, installed where it is missing.
 *
 *   node scripts/servers/postgres.ts      provides it, and says where it is
 */
import { existsSync, globSync } from 'node:fs'
import { dirname } from 'node:path'
import { aptInstall } from './apt.ts'
import { onPath, type Provided } from './provided.ts'

let provided: Promise<Provided> | undefined

/** The folder of its programs (`initdb`, `postgres`); found or installed once for each process. */
export function providePostgres(): Promise<Provided> {
  provided ??= provide()
  return provided
}

async function provide(): Promise<Provided> {
  const found = folder()
  if (found !== undefined) return { path: found }
  const why = await aptInstall('postgresql')
  const path = folder()
  return path === undefined
    ? {
        missing: `there is no PostgreSQL (${why}); install it (Debian, Ubuntu: apt-get install postgresql)`,
      }
    : { path }
}

/** Debian keeps the programs of each version in a folder of their own, which is not on the PATH. */
function folder(): string | undefined {
  const version = (path: string): number => Number(/postgresql\/(\d+)\//.exec(path)?.[1] ?? 0)
  const [newest] = globSync('/usr/lib/postgresql/*/bin/initdb').toSorted((a, b) => version(b) - version(a))
  const initdb = newest ?? onPath('initdb')
  if (initdb === undefined) return undefined
  const path = dirname(initdb)
  return existsSync(`${path}/postgres`) ? path : undefined
}

if (import.meta.main) {
  const found = await providePostgres()
  console.log(`postgres: ${'path' in found ? found.path : found.missing}`)
}
