/**
 * Counts words with the network of examples/01-word-count on two workers, shows the most frequent ones, and compares
 * every count with that of a plain loop over the same files.
 *
 *   npm run demo                      the Markdown files of the installed packages
 *   npm run demo -- <file> ...        other files
 *   npm run demo -- --vertigo <path>  by this command `vertigo` in place of a call from code
 *
 * Ends with exit code 1 where a count differs.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { isVertigoError, run } from 'vertigo-flow'
import { type Counts, countWords, differences } from './demo/plain-count.ts'
import { Progress } from './demo/progress.ts'

const workers = 2
const shownWords = 10
const shownDifferences = 20
const home = join(import.meta.dirname, '..')
const network = join(home, 'examples/01-word-count/network.yaml')

const { values, positionals } = parseArgs({
  options: { vertigo: { type: 'string' } },
  allowPositionals: true,
})

try {
  process.exitCode = await main(positionals.length === 0 ? installedTexts() : positionals, values.vertigo)
} catch (error) {
  if (!isVertigoError(error)) throw error
  console.error(`${error.code}: ${error.message}\n${error.remedy}`)
  process.exitCode = 1
}

async function main(files: readonly string[], command: string | undefined): Promise<number> {
  console.log(`Counting the words of ${describe(files)} on ${workers} workers.`)
  const counted = await withFolder(async (folder) => {
    const result = join(folder, 'counts.jsonl')
    if (command === undefined) await runFromCode(files, result)
    else runByCommand(command, files, result)
    return readCounts(result)
  })
  console.log(`\n${table(counted)}\n`)

  const expected = countWords(files)
  const found = differences(counted, expected)
  const total = [...expected.values()].reduce((sum, count) => sum + count, 0)
  if (found.length === 0) {
    console.log(
      `Checked: all ${number(expected.size)} different words have the counts of a plain loop over the same ` +
        `text (${number(total)} words).`,
    )
    return 0
  }
  console.error(`Words whose counts differ from those of a plain loop: ${number(found.length)}`)
  for (const line of found.slice(0, shownDifferences)) console.error(`  ${line}`)
  if (found.length > shownDifferences) console.error(`  and ${number(found.length - shownDifferences)} more`)
  return 1
}

async function runFromCode(files: readonly string[], result: string): Promise<void> {
  const running = await run(network, {
    workers,
    set: [
      { path: ['lines', 'config', 'path'], value: files },
      { path: ['result', 'config', 'path'], value: result },
    ],
  })
  const progress = new Progress(() => running.status())
  try {
    await running.done
  } finally {
    progress.end()
  }
}

function runByCommand(command: string, files: readonly string[], result: string): void {
  const settings = [`lines.config.path=${JSON.stringify(files)}`, `result.config.path=${result}`]
  const { status, error } = spawnSync(
    command,
    ['run', network, `--workers=${workers}`, ...settings.flatMap((setting) => ['--set', setting])],
    { stdio: 'inherit' },
  )
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${command} ended with exit code ${status}`)
}

/** The Markdown files of the installed packages: real text that every machine has after `npm ci`. */
function installedTexts(): string[] {
  const folder = join(home, 'node_modules')
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => relative(process.cwd(), join(entry.parentPath, entry.name)))
    .toSorted()
}

function describe(files: readonly string[]): string {
  const bytes = files.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0)
  const what = files.length === 1 ? files[0]! : `${files.length} files`
  return `${what} (${(bytes / 1e6).toFixed(1)} MB)`
}

function readCounts(file: string): Counts {
  const counts = new Map<string, number>()
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue
    const { word, count } = JSON.parse(line) as { readonly word: string; readonly count: number }
    if (counts.has(word)) throw new Error(`The network sent the word "${word}" twice.`)
    counts.set(word, count)
  }
  return counts
}

function table(counts: Counts): string {
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, shownWords)
    .map(([word, count]) => `${number(count).padStart(10)}  ${word}`)
    .join('\n')
}

function number(n: number): string {
  return n.toLocaleString('en')
}

async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-demo-'))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
