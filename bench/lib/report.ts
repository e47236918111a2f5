import type { Benchmark, Report, Target } from './benchmark.ts'

/** The results of one benchmark, for a terminal. */
export function reportText(benchmark: Benchmark, report: Report): string {
  const lines = [`${benchmark.name}: ${benchmark.subject}`]
  const width = Math.max(...report.rows.map(({ contestant }) => contestant.length))
  for (const { contestant, figure, quartiles, rounds } of report.rows) {
    lines.push(`  ${contestant.padEnd(width)}  ${figure.padStart(16)}  (${quartiles}; ${rounds} rounds)`)
  }
  for (const target of report.targets) lines.push(`  ${targetText(target)}`)
  for (const note of report.notes ?? []) lines.push(`  ${note}`)
  return lines.join('\n')
}

/** The same as Markdown; the formatter aligns the table. */
export function reportMarkdown(report: Report): string {
  const rows = report.rows.map(
    ({ contestant, figure, quartiles, rounds }) => `| ${contestant} | ${figure} | ${quartiles} | ${rounds} |`,
  )
  return [
    '| contestant | median | quartiles | rounds |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    ...report.targets.map((target) => `- ${targetText(target)}`),
    ...(report.notes ?? []).map((note) => `- ${note}`),
  ].join('\n')
}

function targetText({ promise, measured, met }: Target): string {
  return `target ${promise}: measured ${measured}, ${met ? 'met' : 'MISSED'}`
}
