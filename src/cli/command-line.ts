import { errorCodes } from '../base/error-codes.ts'
import { isVertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { readArguments, usage } from './arguments.ts'
import type { Command, CommandEntry, CommandGroup } from './command.ts'
import { commands } from './commands.ts'
import { outputExit, watchOutput } from './output.ts'

/** Runs a command; gives its exit code. Errors are reported on standard error. */
export async function commandLine(args: readonly string[]): Promise<number> {
  watchOutput(report)
  try {
    const code = await dispatch(args)
    // What became of our output has the last word.
    return outputExit() ?? code
  } catch (error) {
    return outputExit() ?? (await report(error))
  }
}

async function dispatch(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined) {
    await printOverview(process.stderr)
    return errorCodes.USAGE.exit
  }
  if (name === '--version' || name === '-v' || name === '-V') {
    const { manifest } = await import('./version.ts')
    process.stdout.write(`${manifest().version}\n`)
    return 0
  }
  if (name === '--help' || name === '-h') return printHelp(rest)
  if (name === 'help') return printHelp(rest.filter((arg) => !arg.startsWith('-')))
  const entry = entryNamed(commands, name)
  if (!isGroup(entry)) return runCommand(await entry.load(), [name], rest)
  const [second, ...others] = rest
  if (second === undefined) {
    await printGroup(process.stderr, name, entry)
    return errorCodes.USAGE.exit
  }
  if (second === '--help' || second === '-h') return printHelp([name])
  const inner = entryNamed(entry.commands, second, name)
  return runCommand(await inner.load(), [name, second], others)
}

async function runCommand(
  command: Command,
  names: readonly string[],
  args: readonly string[],
): Promise<number> {
  const end = args.indexOf('--')
  if ((end === -1 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h'))
    return printHelp(names)
  return command.run(readArguments(command.spec, args))
}

function isGroup(entry: CommandEntry | CommandGroup): entry is CommandGroup {
  return 'commands' in entry
}

function entryNamed<T>(entries: Readonly<Record<string, T>>, name: string, group?: string): T {
  const entry = Object.hasOwn(entries, name) ? entries[name] : undefined
  if (entry !== undefined) return entry
  const words = group === undefined ? '' : `${group} `
  if (name.startsWith('-'))
    throw usage(`There is no option ${name}.${didYouMean(name, ['--help', '--version'])}`)
  if (group === undefined && /\.(ya?ml|json|fbp|[cm]?[jt]s)$/i.test(name))
    throw usage(`"${name}" is no command.`, `To run a network, write \`vertigo run ${name}\`.`)
  const known = [...Object.keys(entries), ...(group === undefined ? ['help'] : [])]
  throw usage(
    `There is no command "${words}${name}".${didYouMean(name, known)}`,
    group === undefined ? undefined : `See \`vertigo ${group} --help\`.`,
  )
}

async function printHelp([name, second]: readonly string[]): Promise<number> {
  if (name === undefined || name === 'help') {
    await printOverview(process.stdout)
    return 0
  }
  const entry = entryNamed(commands, name)
  if (isGroup(entry) && second === undefined) {
    await printGroup(process.stdout, name, entry)
    return 0
  }
  const found = isGroup(entry) ? entryNamed(entry.commands, second!, name) : entry
  const [{ spec }, { helpOf }] = await Promise.all([found.load(), import('./help.ts')])
  process.stdout.write(helpOf(spec))
  return 0
}

async function printGroup(stream: NodeJS.WriteStream, name: string, group: CommandGroup): Promise<void> {
  const { helpOfGroup } = await import('./help.ts')
  stream.write(helpOfGroup(name, group))
}

async function printOverview(stream: NodeJS.WriteStream): Promise<void> {
  const [{ overview }, { manifest }] = await Promise.all([import('./help.ts'), import('./version.ts')])
  stream.write(overview(manifest().version))
}

/** Prints an error; gives the exit code that belongs to it. */
export async function report(error: unknown): Promise<number> {
  const [{ errorReport }, { hasColors }] = await Promise.all([
    import('./report/error-report.ts'),
    import('./output.ts'),
  ])
  const debug = process.env['VERTIGO_DEBUG'] === '1'
  process.stderr.write(errorReport(error, { color: hasColors(process.stderr), debug }))
  return isVertigoError(error) ? error.exitCode : errorCodes.INTERNAL.exit
}
