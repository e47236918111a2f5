import type { CommandEntry, CommandGroup } from '../command.ts'

/** A command as a shell has to know it. */
export interface CompletedCommand {
  readonly name: string
  readonly summary: string
  readonly options: readonly CompletedOption[]
  /** Of a group. */
  readonly commands: readonly CompletedCommand[]
}

export interface CompletedOption {
  readonly name: string
  /** One letter. */
  readonly short: string | undefined
  readonly about: string
  readonly takesValue: boolean
}

/** Out of the specs of the commands, so that what is completed is what there is. */
export async function completedCommands(
  entries: Readonly<Record<string, CommandEntry | CommandGroup>>,
): Promise<readonly CompletedCommand[]> {
  const commands = await Promise.all(Object.entries(entries).map(([name, entry]) => completed(name, entry)))
  const summary = 'Show what a command does and takes.'
  return [...commands, { name: 'help', summary, options: [], commands: [] }]
}

async function completed(name: string, entry: CommandEntry | CommandGroup): Promise<CompletedCommand> {
  const { summary } = entry
  if ('commands' in entry) {
    const inner = Object.entries(entry.commands).map(([second, command]) => completed(second, command))
    return { name, summary, options: [help], commands: await Promise.all(inner) }
  }
  const { spec } = await entry.load()
  const options = Object.entries(spec.options).map(([option, { value, short: letter, about }]) => {
    return { name: option, short: letter, about, takesValue: value !== undefined }
  })
  return { name, summary, options: [...options, help], commands: [] }
}

const help: CompletedOption = {
  name: 'help',
  short: 'h',
  about: 'Show what it does and takes.',
  takesValue: false,
}

/** The first sentence, which fits a line. */
export function short(text: string): string {
  return /^.*?[.:;](?= |$)/s.exec(text)?.[0].replace(/[.:;]$/, '') ?? text
}
