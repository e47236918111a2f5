/**
 * The NATS server that tests of its connectors run against: that of the distribution, installed where it is missing.
 *
 *   node scripts/servers/nats.ts      provides it, and says where it is
 */
import { aptInstall } from './apt.ts'
import { onPath, type Provided } from './provided.ts'

let provided: Promise<Provided> | undefined

/** Finds or installs the server; once for each process. */
export function provideNats(): Promise<Provided> {
  provided ??= provide()
  return provided
}

async function provide(): Promise<Provided> {
  const found = onPath('nats-server')
  if (found !== undefined) return { path: found }
  const why = await aptInstall('nats-server')
  const path = onPath('nats-server')
  return path === undefined
    ? { missing: `there is no nats-server on the PATH (${why}); Debian, Ubuntu: apt-get install nats-server` }
    : { path }
}

if (import.meta.main) {
  const found = await provideNats()
  console.log(`nats: ${'path' in found ? found.path : found.missing}`)
}
