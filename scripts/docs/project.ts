/**
 * The blocks of a page as a project in `.cache/docs/<page>/`: named blocks as files of their name, other TypeScript as
 * files of their own.
 */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inCache } from '../lib/paths.ts'
import type { Block, Page } from './page.ts'

export interface Project {
  readonly page: Page
  /** In the order of the page. */
  readonly parts: readonly Part[]
}

/** A block with the file it was written to; blocks of commands have none. */
export interface Part {
  readonly block: Block
  /** Where the block is run. A block that names a file again opens a new folder, with the files so far. */
  readonly folder: string
  readonly path: string | undefined
}

const home = inCache('docs')

/**
 * Empties the folder of all projects, and makes `vertigo` a command in each of them. `built` is what looks like the package: what
 * readers run are its bundles, and they start sooner than the sources.
 */
export function prepareHome(built: string): void {
  rmSync(home, { recursive: true, force: true })
  mkdirSync(join(home, 'node_modules/.bin'), { recursive: true })
  const command = join(home, 'node_modules/.bin/vertigo')
  writeFileSync(
    command,
    `#!/bin/sh\nexec "${process.execPath}" "${join(built, 'dist/cli/main.js')}" "$@"\n`,
    {
      mode: 0o755,
    },
  )
  symlinkSync(built, join(home, 'node_modules/vertigo-flow'))
  // Else `vertigo-flow` would be the repository's own package, whose `dist` another step may be building.
  writeFileSync(join(home, 'package.json'), '{ "private": true, "type": "module" }\n')
}

export const commandFolder = join(home, 'node_modules/.bin')

export function writeProject(page: Page): Project {
  const name = page.path.replace(/\.md$/, '').replaceAll('/', '-')
  const parts: Part[] = []
  const named = new Map<string, string>()
  let stage = 1
  for (const block of page.blocks) {
    const file = block.file ?? (block.language === 'ts' ? `line-${block.line}.ts` : undefined)
    const again = block.file !== undefined && named.has(block.file)
    if (again) stage++
    const folder = join(home, stage === 1 ? name : `${name}-${stage}`)
    mkdirSync(folder, { recursive: true })
    if (again) for (const [other, text] of named) write(join(folder, other), text)
    if (block.file !== undefined) named.set(block.file, block.text)
    if (file !== undefined) write(join(folder, file), block.text)
    parts.push({ block, folder, path: file === undefined ? undefined : join(folder, file) })
  }
  return { page, parts }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${text}\n`)
}
