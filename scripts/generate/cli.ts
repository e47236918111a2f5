import { type Generator, generatedFrom } from './generator.ts'
import { commandLine, vertigo } from './run-vertigo.ts'

/** `docs/reference/cli.md`: what `vertigo --help` and `vertigo <command> --help` say. */
export const cliPage: Generator = {
  path: 'docs/reference/cli.md',
  needs: [commandLine],
  async make() {
    const overview = await vertigo('--help')
    const sections = await Promise.all(commandsIn(overview).map((command) => sectionsOf(command)))
    return [
      generatedFrom('the texts of `vertigo --help`'),
      '# The command line\n',
      block(overview),
      ...sections.flat(),
    ].join('\n')
  },
}

/** The help of a command, and where it is of a group, that of each of its commands. */
async function sectionsOf(command: string): Promise<string[]> {
  const text = await vertigo(command, '--help')
  const inner = /^Commands:$/m.test(text) ? commandsIn(text) : []
  const texts = await Promise.all(inner.map((second) => vertigo(command, second, '--help')))
  return [
    `## vertigo ${command}\n\n${block(text)}`,
    ...inner.map((second, index) => `### vertigo ${command} ${second}\n\n${block(texts[index]!)}`),
  ]
}

/** The commands that the overview lists: the first word of each indented line below a heading `Commands:`. */
export function commandsIn(overview: string): string[] {
  const [, listed = ''] = overview.split(/^commands:?[ \t]*$/im)
  const [section = ''] = listed.replace(/^\n+/, '').split(/\n[ \t]*\n|\n(?=\S)/)
  const indents = section.split('\n').map((line) => /^ */.exec(line)![0].length)
  const least = Math.min(...indents.filter((indent) => indent > 0))
  const commands = section
    .split('\n')
    .filter((_, index) => indents[index] === least)
    .map(
      (line) =>
        line
          .trim()
          .replace(/^vertigo /, '')
          .split(/\s/)[0] ?? '',
    )
    .filter((command) => /^[a-z][a-z-]*$/.test(command))
  if (commands.length === 0) throw new Error('`vertigo --help` lists no commands below `Commands:`')
  return commands.filter((command) => command !== 'help')
}

function block(text: string): string {
  return `\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`
}
