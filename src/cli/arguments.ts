import { parseArgs } from 'node:util'
import { VertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import type { CommandSpec, OptionSpec } from './command-spec.ts'

/** What was given to a command, checked against what it takes. */
export class Arguments {
  readonly positionals: readonly string[]
  readonly #values: ReadonlyMap<string, readonly string[]>

  constructor(positionals: readonly string[], values: ReadonlyMap<string, readonly string[]>) {
    this.positionals = positionals
    this.#values = values
  }

  flag(name: string): boolean {
    return this.#values.has(name)
  }

  /** The last value given for an option. */
  text(name: string): string | undefined {
    return this.#values.get(name)?.at(-1)
  }

  texts(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }

  wholeNumber(name: string, least: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value
    throw usage(`--${name} must be a whole number, ${least} or more, not "${text}".`)
  }

  positiveNumber(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = Number(text)
    if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value
    throw usage(`--${name} must be a number above 0, not "${text}".`)
  }

  oneOf<const T extends readonly string[]>(name: string, choices: T): T[number] | undefined {
    const text = this.text(name)
    if (text === undefined || choices.includes(text)) return text
    throw usage(`--${name} must be one of ${choices.join(', ')}, not "${text}".${didYouMean(text, choices)}`)
  }
}

/** Wrong use of the command line. */
export function usage(message: string, remedy?: string): VertigoError {
  return new VertigoError('USAGE', message, { remedy })
}

/** As JSON has it: a key, a message. Options begin with a letter. */
const negativeNumber = /^-\d+(\.\d+)?([eE][+-]?\d+)?$/
/** No argument of a process holds it. */
const mark = '\0'
const unmarked = (text: string): string => (text.startsWith(mark) ? text.slice(mark.length) : text)

/**
 * Reads the arguments of a command. What else begins with a minus, and is no option, stands behind `--`. Errors: USAGE, with the nearest
 * name for what is misspelt.
 */
export function readArguments(spec: CommandSpec, args: readonly string[]): Arguments {
  const remedy = `See \`vertigo ${spec.name} --help\`.`
  const { tokens } = parseArgs({
    args: args.map((arg) => (negativeNumber.test(arg) ? mark + arg : arg)),
    options: Object.fromEntries(
      Object.entries(spec.options).map(([name, { value, short, multiple = false }]) => [
        name,
        {
          type: value === undefined ? ('boolean' as const) : ('string' as const),
          multiple,
          ...(short !== undefined && { short }),
        },
      ]),
    ),
    strict: false,
    tokens: true,
  })
  const positionals: string[] = []
  const values = new Map<string, string[]>()
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(unmarked(token.value))
    if (token.kind !== 'option') continue
    const option = Object.hasOwn(spec.options, token.name) ? spec.options[token.name] : undefined
    if (option === undefined) throw unknownOption(spec, token.rawName, remedy)
    checkValue(token.name, token.value, option, remedy)
    const given = values.get(token.name) ?? []
    if (given.length > 0 && option.value !== undefined && option.multiple !== true)
      throw usage(`--${token.name} is given twice.`, remedy)
    values.set(token.name, [...given, unmarked(token.value ?? '')])
  }
  checkPositionals(spec, positionals, remedy)
  return new Arguments(positionals, values)
}

function unknownOption(spec: CommandSpec, rawName: string, remedy: string): VertigoError {
  const known = [...Object.keys(spec.options), 'help'].map((name) => `--${name}`)
  return usage(`\`vertigo ${spec.name}\` has no option ${rawName}.${didYouMean(rawName, known)}`, remedy)
}

function checkValue(name: string, value: string | undefined, option: OptionSpec, remedy: string): void {
  if (option.value === undefined) {
    if (value !== undefined) throw usage(`--${name} takes no value.`, remedy)
  } else if (value === undefined || value === '') {
    throw usage(`--${name} needs a value: --${name} ${option.value}.`, remedy)
  }
}

function checkPositionals(spec: CommandSpec, given: readonly string[], remedy: string): void {
  const missing = spec.arguments.slice(given.length).find((name) => !name.startsWith('['))
  if (missing !== undefined) throw usage(`\`vertigo ${spec.name}\` needs ${missing}.`, remedy)
  const extra = given[spec.arguments.length]
  if (extra !== undefined)
    throw usage(
      `\`vertigo ${spec.name}\` has no use for "${extra}": it takes ${spec.arguments.join(' ') || 'no arguments'}.`,
      remedy,
    )
}
