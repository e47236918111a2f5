/**
 * What tests need to cut the network between hosts that they make on one machine: `ip` and `nft`, installed where they are missing.
 *
 *   node scripts/servers/network-tools.ts      provides them, and says where they are
 */
import { aptInstall } from './apt.ts'
import { onPath, type Provided } from './provided.ts'

const tools = { ip: 'iproute2', nft: 'nftables' } as const

/** Finds or installs them. */
export async function provideNetworkTools(): Promise<Provided> {
  const missing = Object.entries(tools).filter(([tool]) => onPath(tool) === undefined)
  const packages = missing.map(([, name]) => name)
  const why = packages.length === 0 ? undefined : await aptInstall(...packages)
  const path = onPath('nft')
  return why === undefined && path !== undefined
    ? { path }
    : {
        missing: `${packages.join(', ')} is missing (${why}); Debian, Ubuntu: apt-get install iproute2 nftables`,
      }
}

if (import.meta.main) {
  const found = await provideNetworkTools()
  console.log(`network tools: ${'path' in found ? found.path : found.missing}`)
}
