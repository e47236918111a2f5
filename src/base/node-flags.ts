import { availableParallelism } from 'node:os'

const poolFlag = '--v8-pool-size'
/** Node takes it with underscores, too. */
const anyPoolFlag = /--v8[-_]pool[-_]size\b/
/** Those of the debugger. */
const debugFlag = /^--(inspect([-_](brk|brk[-_]node|wait|port|publish[-_]uid))?|debug[-_]port)(=|$)/
/** Of all these, those that may have their value behind them. */
const parted = /^--(inspect[-_](port|publish[-_]uid)|debug[-_]port|v8[-_]pool[-_]size)$/
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
  const inherited = without(debugFlag, given)
  if ([nodeOptions, ...inherited].some((flags) => anyPoolFlag.test(flags))) return inherited
  const collectors = Math.min(collectorsMax, Math.max(1, cores - 1))
  return [...inherited, `${poolFlag}=${collectors}`]
}

/**
 * To be called in each thread of a process that was started with `nodeFlags`, before components are loaded: they do not see the flag of
 * the collectors among those of their process, whoever gave it. It is of the whole process, and Node refuses a thread that a component starts with the flags of
 * its own (`process.execArgv`).
 */
export function hideNodeFlags(execArgv: string[] = process.execArgv): void {
  execArgv.splice(0, execArgv.length, ...without(anyPoolFlag, execArgv))
}

/** Of each flag that is left out, also the value that stands behind it. */
function without(some: RegExp, flags: readonly string[]): string[] {
  return flags.filter((flag, i) => {
    const before = flags[i - 1] ?? ''
    return !some.test(flag) && !(some.test(before) && parted.test(before))
  })
}
