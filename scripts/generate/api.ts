import { existsSync, readFileSync, rmSync } from 'node:fs'
import { format } from 'prettier'
import { inCache, inRoot } from '../lib/paths.ts'
import { runOrThrow } from '../lib/process.ts'
import { type Declaration, exportsOf } from './declarations.ts'
import { type Generator, generatedFrom } from './generator.ts'

interface EntryPoint {
  readonly name: string
  /** The source file, from the folder of the repository. */
  readonly source: string
}

/** `docs/reference/api.md`: what the entry points of the package export. */
export const apiPage: Generator = {
  path: 'docs/reference/api.md',
  needs: ['src/index.ts'],
  async make() {
    const declarations = inCache('declarations')
    rmSync(declarations, { recursive: true, force: true })
    await runOrThrow('tsc', ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', declarations])
    const present = entryPoints().filter(({ source }) => existsSync(inRoot(source)))
    return [
      generatedFrom('the doc comments of what the package exports'),
      '# Reference of the programming interface\n',
      ...(
        await Promise.all(
          present.map(async ({ name, source }) => {
            const file = source.replace(/^\.\/src/, declarations).replace(/\.ts$/, '.d.ts')
            return [`## ${name}\n`, ...(await Promise.all(exportsOf(file).map(section)))]
          }),
        )
      ).flat(),
    ].join('\n')
  },
}

function entryPoints(): EntryPoint[] {
  const manifest = JSON.parse(readFileSync(inRoot('package.json'), 'utf8')) as {
    name: string
    exports: Record<string, string | { 'vertigo-src'?: string }>
  }
  return Object.entries(manifest.exports).flatMap(([path, target]) => {
    const source = typeof target === 'string' ? undefined : target['vertigo-src']
    return source === undefined ? [] : [{ name: manifest.name + path.slice(1), source }]
  })
}

async function section({ name, signature, comment }: Declaration): Promise<string> {
  const text = comment === '' ? '' : `${prose(comment)}\n\n`
  return `### ${name}\n\n${text}\`\`\`ts signature\n${await formatted(signature)}\n\`\`\`\n`
}

/** The compiler writes declarations on lines of any length. */
async function formatted(signature: string): Promise<string> {
  const declared = signature.replaceAll(/^(?=(?:abstract class|class|function|const|let) )/gm, 'declare ')
  const text = await format(declared, {
    parser: 'typescript',
    printWidth: 100,
    semi: false,
    singleQuote: true,
  })
  return text.replaceAll(/^declare /gm, '').trimEnd()
}

/** A doc comment as Markdown: its tags become list items and headings of a line. */
function prose(comment: string): string {
  return comment
    .replaceAll(/\{@link(?:code|plain)? ([^}|]+)(?:\|([^}]+))?\}/g, (_, target: string, label?: string) =>
      label === undefined ? `\`${target.trim()}\`` : label.trim(),
    )
    .replaceAll(/^@param (\S+) (?:- )?/gm, '- `$1`: ')
    .replaceAll(/^@returns? /gm, '- returns ')
    .replaceAll(/^@throws /gm, '- throws ')
    .replaceAll(/^@example[ \t]*/gm, '\nExample:\n')
    .replaceAll(/^@see /gm, 'See ')
}
