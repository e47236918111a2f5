import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import type { EtcdHost } from './etcd-cluster.ts'

/**
 * Hosts on one machine: network namespaces, each joined to a bridge by a pair of virtual interfaces. The test itself stands at the
 * bridge. The names hold the process id, so that what a killed test left is found and removed by the next.
 */

const run = promisify(execFile)
const namePattern = /^vtg(\d+)-(\d+)/

/** Why there can be none; undefined where there can. */
export function namespacesMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces want root'
  for (const tool of ['ip', 'nft'])
    if (!['/usr/sbin', '/sbin', '/usr/bin', '/bin'].some((folder) => existsSync(`${folder}/${tool}`)))
      return `there is no ${tool} (Debian, Ubuntu: apt-get install iproute2 nftables)`
  return undefined
}

async function ip(...args: readonly string[]): Promise<string> {
  return (await run('ip', args)).stdout
}

export interface Cut {
  /** Only these addresses are cut off. */
  readonly from?: readonly string[]
  /** One way: it says but does not hear (`in`), or hears but does not say (`out`). Default: both. */
  readonly only?: 'in' | 'out'
}

export class HostNetwork {
  readonly hosts: readonly EtcdHost[]
  /** The test's own address, which is that of all clients. */
  readonly own: string
  readonly #names: readonly string[]
  readonly #bridge: string

  private constructor(bridge: string, own: string, names: readonly string[], hosts: readonly EtcdHost[]) {
    this.#bridge = bridge
    this.own = own
    this.#names = names
    this.hosts = hosts
  }

  static async create(count: number): Promise<HostNetwork> {
    await removeLeftOver()
    const subnet = `10.${200 + (process.pid % 50)}.${Math.floor(process.pid / 50) % 250}`
    const bridge = `vtgb${process.pid}`
    const names = Array.from({ length: count }, (_, index) => `vtg${process.pid}-${index}`)
    const hosts = names.map((name, index) => ({
      address: `${subnet}.${index + 10}`,
      command: ['ip', 'netns', 'exec', name],
    }))
    const own = `${subnet}.1`
    const network = new HostNetwork(bridge, own, names, hosts)
    try {
      await ip('link', 'add', bridge, 'type', 'bridge')
      await ip('addr', 'add', `${own}/24`, 'dev', bridge)
      await ip('link', 'set', bridge, 'up')
      for (const [index, name] of names.entries()) {
        const outer = `vtgv${process.pid % 100_000}-${index}`
        await ip('netns', 'add', name)
        await ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
        await ip('link', 'set', outer, 'master', bridge, 'up')
        await ip('-n', name, 'addr', 'add', `${hosts[index]!.address}/24`, 'dev', 'eth0')
        await ip('-n', name, 'link', 'set', 'eth0', 'up')
        await ip('-n', name, 'link', 'set', 'lo', 'up')
      }
      return network
    } catch (error) {
      await network.remove()
      throw error
    }
  }

  /** The host hears and says nothing, from now until it is healed; a cut that was there before is replaced. */
  async cut(index: number, { from, only }: Cut = {}): Promise<void> {
    const own = this.hosts[index]!.address
    const others = from === undefined ? `!= ${own}` : `{ ${from.join(', ')} }`
    const hears = `chain in { type filter hook input priority 0; ip saddr ${others} ip saddr != 127.0.0.0/8 drop; }`
    const says = `chain out { type filter hook output priority 0; ip daddr ${others} ip daddr != 127.0.0.0/8 drop; }`
    await this.nft(index, `table ip cut { ${only === 'out' ? '' : hears}\n${only === 'in' ? '' : says}\n }`)
  }

  /** Idempotent. */
  heal(index: number): Promise<void> {
    return this.nft(index, '')
  }

  /** The host's rules are these, all at once. */
  private async nft(index: number, rules: string): Promise<void> {
    const all = `table ip cut { }\ndelete table ip cut\n${rules}`
    await run('ip', ['netns', 'exec', this.#names[index]!, 'nft', all])
  }

  /** After the processes in it were ended. */
  async remove(): Promise<void> {
    for (const name of this.#names) await ip('netns', 'del', name).catch(() => {})
    await ip('link', 'del', this.#bridge).catch(() => {})
  }
}

async function removeLeftOver(): Promise<void> {
  const names = (await ip('netns', 'list')).split('\n').map((line) => line.split(' ')[0] ?? '')
  for (const name of names) {
    const pid = Number(namePattern.exec(name)?.[1])
    if (!Number.isInteger(pid) || existsSync(`/proc/${pid}`)) continue
    await ip('netns', 'del', name).catch(() => {})
    await ip('link', 'del', `vtgb${pid}`).catch(() => {})
  }
}
