import { availableParallelism } from 'node:os'

const poolFlag = '--v8-pool-size'
/** Node takes it with underscores, too. */
const anyPoolFlag = /--v8[-_]pool[-_]size\b/
/** Those of the debugger. */
const debugFlag = /^--(inspect|debug)([-_=]|$)/
/** Of these, those that may have their value behind them. */
const parted = /^--(inspect|debug)[-_](port|publish[-_]uid)$/
/** Node's own default, whatever the machine has. */
const collectorsMax = 4

/**
 * Flags of Node for a process that runs components: those of this one, but for its debugger, and how many threads help the garbage
 * collectors of the process (and its compiler). Node starts four. On fewer cores they take these from the components for as long as a
 * whole heap is gone through, so one core is left. Whoever says it himself is left alone.
 *
 * `cores`: default all that this process may use.
 */
export function nodeFlags(
  given: readonly string[] = process.execArgv,
  nodeOptions = process.env['NODE_OPTIONS'] ?? '',
  cores = availableParallelism(),
): readonly string[] {
  const inherited = given.filter((flag, i) => !debugFlag.test(flag) && !parted.test(given[i - 1] ?? ''))
  if ([nodeOptions, ...inherited].some((flags) => anyPoolFlag.test(flags))) return inherited
  const collectors = Math.min(collectorsMax, Math.max(1, cores - 1))
  return [...inherited, `${poolFlag}=${collectors}`]
}

/**
 * To be called where components run, in each thread, before they are loaded: they do not see the flag among those of their process.
 * It is of the whole process, and Node refuses a thread that a component starts with the flags of its own (`process.execArgv`).
 */
export function hideNodeFlags(): void {
  const { execArgv } = process
  for (let i = execArgv.length - 1; i >= 0; i--) if (anyPoolFlag.test(execArgv[i]!)) execArgv.splice(i, 1)
}
