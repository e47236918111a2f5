/**
 * Checks the documents against the code: TypeScript blocks have the right types, blocks marked `run` run, networks are
 * valid, links lead somewhere. How to mark blocks: CONTRIBUTING.md.
 */
import { globSync } from 'tinyglobby'
import { Checks } from './docs/checks.ts'
import { checkLinks } from './docs/links.ts'
import { readPage } from './docs/page.ts'
import { prepareHome, writeProject } from './docs/project.ts'
import { runBlocks } from './docs/run.ts'
import { checkTypes } from './docs/types.ts'
import { buildForTests } from './lib/built-for-tests.ts'
import { root } from './lib/paths.ts'

const pages = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], {
  cwd: root,
  ignore: ['**/node_modules/**'],
})
  .toSorted()
  .map(readPage)

const checks = new Checks()
prepareHome(await buildForTests())
checkLinks(pages, checks)
// The reference is generated: its code is declarations, and fragments from doc comments that show one thing each.
const projects = pages.filter(({ path }) => !path.startsWith('docs/reference/')).map(writeProject)
await checkTypes(projects, checks)
for (const project of projects) {
  // One after the other: blocks run the command line, which uses all cores.
  await runBlocks(project, checks)
}
process.exitCode = checks.close()
