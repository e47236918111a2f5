import { availableParallelism } from 'node:os'

const poolFlag = '--v8-pool-size'
/** Node takes it with underscores, too. */
const anyPoolFlag = /--v8[-_]pool[-_]size\b/
/** Node's own default, whatever the machine has. */
const collectorsMax = 4

/**
 * Flags of Node for a process that runs components: those of this one, but for its debugger, and how many threads help the garbage
 * collectors of the process. Node starts four. On fewer cores they take these from the components for as long as a whole heap is gone
 * through, so one core is left. Whoever says it himself is left alone.
 *
 * `cores`: default all that this process may use.
 */
export function nodeFlags(
  given: readonly string[] = process.execArgv,
  nodeOptions = process.env['NODE_OPTIONS'] ?? '',
  cores = availableParallelism(),
): readonly string[] {
  const inherited = given.filter((flag) => !flag.startsWith('--inspect'))
  if ([nodeOptions, ...inherited].some((flags) => anyPoolFlag.test(flags))) return inherited
  const collectors = Math.min(collectorsMax, Math.max(1, cores - 1))
  return [...inherited, `${poolFlag}=${collectors}`]
}
