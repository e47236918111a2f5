import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import type { Benchmark, BenchmarkOptions, Report } from './benchmark.ts'
import { reportMarkdown } from './report.ts'

const page = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url))

/** Puts the results into the page, each between its two marks; those that did not run stay as they are. */
export async function writeReports(
  reports: readonly { readonly benchmark: Benchmark; readonly report: Report }[],
  run: BenchmarkOptions & { readonly machine: string; readonly warning: string },
): Promise<void> {
  let text = readFileSync(page, 'utf8')
  for (const { benchmark, report } of reports) {
    const rounds = run.rounds === undefined ? '' : ` --rounds ${run.rounds}`
    const command = `npm run bench -- ${benchmark.name}${run.quick ? ' --quick' : ''}${rounds}`
    const date = new Date().toISOString().slice(0, 10)
    const about = `\`${command}\`, ${date}; ${run.machine}; ${run.warning}.`
    text = replaceBetween(text, benchmark.name, `${about}\n\n${reportMarkdown(report)}`)
  }
  const options = await resolveConfig(page)
  writeFileSync(page, await format(text, { ...options, filepath: page }))
}

/** Before anything runs: what took minutes to measure must have a place. */
export function checkPlaces(chosen: readonly Benchmark[]): void {
  const text = readFileSync(page, 'utf8')
  for (const { name } of chosen) replaceBetween(text, name, '')
}

function replaceBetween(text: string, name: string, content: string): string {
  const begin = `<!-- results: ${name} -->`
  const end = `<!-- end: ${name} -->`
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from === -1 || to < from) throw new Error(`docs/benchmarks.md has no place for "${name}"`)
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`
}
