import { run } from '../lib/process.ts'
import { onPath } from './provided.ts'

const installMsMax = 300_000

/** Installs packages of the distribution, where this process may; gives why it did not, or undefined where it did. */
export async function aptInstall(...packages: readonly string[]): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'this is not root'
  if (onPath('apt-get') === undefined) return 'there is no apt-get'
  const install = ['install', '-y', '--no-install-recommends', ...packages]
  const options = { timeoutMs: installMsMax, env: { DEBIAN_FRONTEND: 'noninteractive' } }
  let result = await run('apt-get', install, options)
  if (result.code !== 0) {
    // Its lists may be missing, or older than the packages.
    await run('apt-get', ['update'], options)
    result = await run('apt-get', install, options)
  }
  return result.code === 0 ? undefined : `apt-get could not install ${packages.join(' ')}`
}
