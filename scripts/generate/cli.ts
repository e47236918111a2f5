import type { CommandEntry } from '../../src/cli/command.ts'
import { commands } from '../../src/cli/commands.ts'
import { helpOf, helpOfGroup, overview } from '../../src/cli/help.ts'
import { manifest } from '../../src/cli/version.ts'
import { type Generator, generatedFrom } from './generator.ts'

/**
 * `docs/reference/cli.md`: what `vertigo --help` and `vertigo <command> --help` say. Made in this process, in place of
 * one for each of forty commands.
 */
export const cliPage: Generator = {
  path: 'docs/reference/cli.md',
  needs: ['src/cli/commands.ts'],
  async make() {
    const sections = await Promise.all(
      Object.entries(commands).map(async ([name, entry]) =>
        'commands' in entry
          ? [
              section(`## vertigo ${name}`, helpOfGroup(name, entry)),
              ...(await Promise.all(
                Object.entries(entry.commands).map(([second, inner]) =>
                  sectionOf(`### vertigo ${name} ${second}`, inner),
                ),
              )),
            ]
          : [await sectionOf(`## vertigo ${name}`, entry)],
      ),
    )
    return [
      generatedFrom('the texts of `vertigo --help`'),
      '# The command line\n',
      block(overview(manifest().version)),
      ...sections.flat(),
    ].join('\n')
  },
}

async function sectionOf(heading: string, entry: CommandEntry): Promise<string> {
  const { spec } = await entry.load()
  return section(heading, helpOf(spec))
}

function section(heading: string, text: string): string {
  return `${heading}\n\n${block(text)}`
}

function block(text: string): string {
  return `\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`
}
