import { readFileSync, writeFileSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { globSync } from 'tinyglobby'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The text that benchmarks read: a given file, or the Markdown that the installed packages bring. */
export function readText(file?: string): string {
  if (file !== undefined) return readFileSync(file, 'utf8')
  const pages = globSync('node_modules/**/*.md', { cwd: root, absolute: true, dot: true }).toSorted()
  return pages.map((page) => readFileSync(page, 'utf8')).join('\n')
}

/** `count` lines of the text, from its beginning again where it has fewer. */
export function readLines(count: number, file?: string): readonly string[] {
  const lines = readText(file).split('\n')
  return Array.from({ length: count }, (_, i) => lines[i % lines.length]!)
}

/** A file of at least `bytes` bytes with the lines of the text, made anew. */
export function writeTextFile(bytes: number, file?: string): string {
  const folder = `${root}/.cache/bench`
  mkdirSync(folder, { recursive: true })
  const text = `${readText(file).trimEnd()}\n`
  const path = `${folder}/text.txt`
  writeFileSync(path, text.repeat(Math.ceil(bytes / text.length)))
  return path
}
