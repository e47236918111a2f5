import { didYouMean } from '../../base/suggest.ts'
import { type Arguments, usage } from '../arguments.ts'
import type { Command, CommandEntry, CommandGroup } from '../command.ts'

type Commands = Readonly<Record<string, CommandEntry | CommandGroup>>

/** Given the table of commands, which it stands in itself. */
export function completionOf(commands: Commands): Command {
  return {
    spec: {
      name: 'completion',
      arguments: ['<shell>'],
      about: ['Prints a script that lets a shell (bash, zsh or fish) complete commands and options.'],
      options: {},
      examples: [
        ['eval "$(vertigo completion bash)"', 'In ~/.bashrc; the same with zsh in ~/.zshrc.'],
        ['vertigo completion fish | source', 'In ~/.config/fish/config.fish.'],
      ],
    },
    run: (given) => run(given, commands),
  }
}

async function run(given: Arguments, commands: Commands): Promise<number> {
  const [shell = ''] = given.positionals
  const [{ completedCommands }, { shells }] = await Promise.all([
    import('../completion/entries.ts'),
    import('../completion/scripts.ts'),
  ])
  const names = Object.keys(shells)
  if (!isShell(shell, names))
    throw usage(`<shell> must be one of ${names.join(', ')}, not "${shell}".${didYouMean(shell, names)}`)
  process.stdout.write(shells[shell](await completedCommands(commands)))
  return 0
}

function isShell(text: string, names: readonly string[]): text is 'bash' | 'zsh' | 'fish' {
  return names.includes(text)
}
