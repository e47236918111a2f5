import { errorCodes } from '../base/error-codes.ts'
import { isVertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { readArguments, usage } from './arguments.ts'
import type { Command } from './command.ts'
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
  if (name === '--help' || name === '-h') return printHelp(rest[0])
  if (name === 'help') return printHelp(rest.find((arg) => !arg.startsWith('-')))
  const command = await commandNamed(name)
  const end = rest.indexOf('--')
  if ((end === -1 ? rest : rest.slice(0, end)).some((arg) => arg === '--help' || arg === '-h'))
    return printHelp(name)
  return command.run(readArguments(command.spec, rest))
}

async function commandNamed(name: string): Promise<Command> {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (entry !== undefined) return entry.load()
  if (name.startsWith('-'))
    throw usage(`There is no option ${name}.${didYouMean(name, ['--help', '--version'])}`)
  if (/\.(ya?ml|json|fbp|[cm]?[jt]s)$/i.test(name))
    throw usage(`"${name}" is no command.`, `To run a network, write \`vertigo run ${name}\`.`)
  throw usage(`There is no command "${name}".${didYouMean(name, [...Object.keys(commands), 'help'])}`)
}

async function printHelp(name: string | undefined): Promise<number> {
  if (name === undefined || name === 'help') {
    await printOverview(process.stdout)
    return 0
  }
  const { spec } = await commandNamed(name)
  const { helpOf } = await import('./help.ts')
  process.stdout.write(helpOf(spec))
  return 0
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
