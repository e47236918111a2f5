import { type CompletedCommand, type CompletedOption, short } from './entries.ts'

/** Scripts by which shells complete `vertigo`. Commands and options are in them; files are left to the shell. */
export const shells = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
} as const

/** `-f` and `--follow`. */
function spellings({ name, short: letter }: CompletedOption): readonly string[] {
  return letter === undefined ? [`--${name}`] : [`-${letter}`, `--${name}`]
}

function bashScript(commands: readonly CompletedCommand[]): string {
  const flags = (options: readonly CompletedOption[]): string => options.flatMap(spellings).join(' ')
  const names = (list: readonly CompletedCommand[]): string => list.map(({ name }) => name).join(' ')
  const group = ({ name, commands: inner }: CompletedCommand): string[] => [
    `    ${name})`,
    '      if [ "$COMP_CWORD" -eq 2 ]; then',
    `        words='${names(inner)}'`,
    '      else',
    '        case "${COMP_WORDS[2]}" in',
    ...inner.map((command) => `          ${command.name}) options='${flags(command.options)}' ;;`),
    '        esac',
    '      fi',
    '      ;;',
  ]
  return [
    '# Completion of vertigo for bash: eval "$(vertigo completion bash)"',
    '_vertigo() {',
    "  local current=\"${COMP_WORDS[COMP_CWORD]}\" words='' options=''",
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    words='${names(commands)} --help --version'`,
    '  else',
    '    case "${COMP_WORDS[1]}" in',
    ...commands
      .flatMap((command) =>
        command.commands.length > 0
          ? group(command)
          : [`    ${command.name}) options='${flags(command.options)}' ;;`],
      )
      .map((line) => `  ${line}`),
    '    esac',
    '  fi',
    '  case "$current" in',
    '    -*) words="$words $options" ;;',
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    // Where nothing of ours fits, files do.
    'complete -o default -F _vertigo vertigo',
    '',
  ].join('\n')
}

function zshScript(commands: readonly CompletedCommand[]): string {
  const described = (name: string, about: string): string => quoted(`${name}:${short(about)}`)
  const flags = (options: readonly CompletedOption[]): string =>
    options
      .flatMap((option) => spellings(option).map((spelling) => described(spelling, option.about)))
      .join(' ')
  const list = (all: readonly CompletedCommand[]): string =>
    all.map(({ name, summary }) => described(name, summary)).join(' ')
  const one = (command: CompletedCommand, indent: string): string =>
    `${indent}${command.name}) options=(${flags(command.options)}) ;;`
  return [
    '#compdef vertigo',
    '# Completion of vertigo for zsh: eval "$(vertigo completion zsh)"',
    '_vertigo() {',
    '  local -a words_of options',
    '  if (( CURRENT == 2 )); then',
    `    words_of=(${list(commands)})`,
    '  else',
    '    case $words[2] in',
    ...commands.flatMap((command) =>
      command.commands.length === 0
        ? [one(command, '      ')]
        : [
            `      ${command.name})`,
            '        if (( CURRENT == 3 )); then',
            `          words_of=(${list(command.commands)})`,
            '        else',
            '          case $words[3] in',
            ...command.commands.map((inner) => one(inner, '            ')),
            '          esac',
            '        fi',
            '        ;;',
          ],
    ),
    '    esac',
    '  fi',
    "  if (( $#words_of )); then _describe 'command' words_of",
    "  elif [[ $words[CURRENT] == -* ]]; then _describe 'option' options",
    '  else _files; fi',
    '}',
    'compdef _vertigo vertigo',
    '',
  ].join('\n')
}

function fishScript(commands: readonly CompletedCommand[]): string {
  const line = (condition: string, what: string, about: string): string =>
    `complete -c vertigo -n ${quoted(condition)} ${what} -d ${quoted(short(about))}`
  const flags = (condition: string, options: readonly CompletedOption[]): string[] =>
    options.map(({ name, short: letter, about, takesValue }) => {
      const spelling = letter === undefined ? `-l ${name}` : `-s ${letter} -l ${name}`
      return line(condition, `${spelling}${takesValue ? ' -r' : ''}`, about)
    })
  const lines = commands.flatMap((command) => {
    const own = line('__fish_use_subcommand', `-f -a ${command.name}`, command.summary)
    const within = `__fish_seen_subcommand_from ${command.name}`
    if (command.commands.length === 0) return [own, ...flags(within, command.options)]
    const names = command.commands.map(({ name }) => name).join(' ')
    return [
      own,
      ...command.commands.flatMap((inner) => [
        line(`${within}; and not __fish_seen_subcommand_from ${names}`, `-f -a ${inner.name}`, inner.summary),
        ...flags(`${within}; and __fish_seen_subcommand_from ${inner.name}`, inner.options),
      ]),
    ]
  })
  return ['# Completion of vertigo for fish: vertigo completion fish | source', ...lines, ''].join('\n')
}

/** In single quotes, as all three shells read them: a quote in it ends them, stands escaped, and begins them again. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '').replaceAll("'", String.raw`'\''`)}'`
}
