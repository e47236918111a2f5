import type { CommandSpec } from './command-spec.ts'
import type { CommandGroup } from './command.ts'
import { commands } from './commands.ts'
import { wrapped } from './report/text.ts'

const width = 100

/** `docs/reference/cli.md` is generated from these texts. */
export function overview(version: string): string {
  const entries = Object.values(commands)
  return lines(
    `Vertigo ${version}: flow-based programming for TypeScript.`,
    '',
    'Usage: vertigo <command> [options]',
    '',
    'Commands:',
    ...columns([
      ...entries.map(({ usage, summary }) => [usage, summary] as const),
      ['help [command]', 'Show what a command does and takes.'],
    ]),
    '',
    'Options:',
    ...columns([
      ['--help', 'Show this text, or that of a command.'],
      ['--version', 'Show the version.'],
    ]),
    '',
    'Exit codes:',
    ...columns([
      ['0', 'It went well.'],
      ['1', 'The network failed while it ran; or a change was refused, or not carried out in time.'],
      ['2', 'The command was used wrongly.'],
      ['3', 'The network, or one of its components, cannot be loaded or is not valid.'],
      ['4', 'A file or stream could not be read or written, or the reader of the output closed it.'],
      ['70', 'A fault of Vertigo itself; please report it.'],
      ['130', 'Stopped, by Ctrl-C pressed twice.'],
    ]),
    '',
    'Environment:',
    ...columns([
      ['NO_COLOR', 'Set to anything: no colors.'],
      ['VERTIGO_API', 'The HTTP API of a node, for commands that ask a cluster.'],
      ['VERTIGO_TOKEN', 'The token for it.'],
      ['VERTIGO_STORE', 'The store, for `vertigo node` and the commands of `vertigo store`.'],
      ['VERTIGO_DEBUG', 'Set to 1: whole stacks of errors, those of Vertigo and Node included.'],
    ]),
  )
}

export function helpOfGroup(name: string, { about, commands: inner }: CommandGroup): string {
  return lines(
    `Usage: vertigo ${name} <command> [options]`,
    ...about.flatMap((paragraph) => ['', ...wrapped(paragraph, width)]),
    '',
    'Commands:',
    ...columns(Object.values(inner).map(({ usage, summary }) => [usage, summary] as const)),
    '',
    `See \`vertigo ${name} <command> --help\` for each.`,
  )
}

export function helpOf(spec: CommandSpec): string {
  const { name, about, examples = [] } = spec
  const options = Object.entries(spec.options).map(([option, { value, short, about }]) => {
    const name = `${short === undefined ? '' : `-${short}, `}--${option}`
    return [`${name}${value === undefined ? '' : ` ${value}`}`, about] as const
  })
  return lines(
    `Usage: ${['vertigo', name, ...spec.arguments].join(' ')} [options]`,
    ...about.flatMap((paragraph) => ['', ...wrapped(paragraph, width)]),
    '',
    'Options:',
    ...columns([...options, ['--help', 'Show this text.']]),
    ...(examples.length === 0 ? [] : ['', 'Examples:']),
    ...examples.flatMap(([command, about]) => [`  ${command}`, `      ${about}`]),
  )
}

function lines(...parts: readonly string[]): string {
  return `${parts.join('\n')}\n`
}

/** Two columns: terms, and what they mean. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const left = Math.max(...rows.map(([term]) => term.length))
  return rows.flatMap(([term, meaning]) =>
    wrapped(meaning, width - left - 4).map((line, index) =>
      `  ${(index === 0 ? term : '').padEnd(left)}  ${line}`.trimEnd(),
    ),
  )
}
