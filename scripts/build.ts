/**
 * Builds `dist/`: JavaScript, declarations and source maps (with the sources in them, since `src` is not part of the
 * package), and what is not TypeScript.
 */
import { chmodSync, cpSync, existsSync, globSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { inRoot, root } from './lib/paths.ts'
import { runOrThrow } from './lib/process.ts'

/** Folders that go into the package as they are. */
const asTheyAre = ['cli/templates']

const dist = inRoot('dist')
rmSync(dist, { recursive: true, force: true })
await runOrThrow('tsc', ['-p', 'tsconfig.build.json'])

for (const folder of asTheyAre) {
  const from = inRoot('src', folder)
  if (existsSync(from)) cpSync(from, join(dist, folder), { recursive: true })
}

const command = join(dist, 'cli/main.js')
if (existsSync(command)) chmodSync(command, 0o755)

// The compiler rewrites `./thread.ts` in imports to `./thread.js`; in a URL for a thread or a file it does not.
const urlOfSource = /new URL\(\s*(['"`])\.[^'"`]*\.ts\1\s*,\s*import\.meta\.url/
const left = globSync('dist/**/*.js', {
  cwd: root,
  exclude: asTheyAre.map((folder) => `dist/${folder}/**`),
}).filter((path) => urlOfSource.test(withoutComments(readFileSync(inRoot(path), 'utf8'))))
if (left.length > 0)
  throw new Error(
    `These files refer to a source by \`new URL('./….ts', import.meta.url)\`, which does not exist in the package; ` +
      `import the other file for its URL, or take the ending of import.meta.url: ${left.join(', ')}`,
  )

/** Documentation may show such a URL: it stands in a user's module there. Lines of block comments and line comments go. */
function withoutComments(code: string): string {
  return code.replaceAll(/^\s*(\/\*\*?|\*|\/\/).*$/gm, '')
}
