import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkExample, readJsonLines } from '../lib/example.ts'
import { generateLog } from './generate.ts'
import type { Tally } from './tally.ts'

const topPaths = 5

await checkExample(import.meta.dirname, async ({ folder, vertigo, file }) => {
  const lines =
    file === undefined
      ? [...generateLog({ lines: 20_000, seed: 1 })]
      : readFileSync(file, 'utf8').replace(/\n$/, '').split('\n')
  const { report, broken } = summarize(lines)

  const result = join(folder, 'report.jsonl')
  const rejected = join(folder, 'rejected.jsonl')
  const settings = [`result.config.path=${result}`, `rejected.config.path=${rejected}`]
  if (file !== undefined) settings.push(`lines.config.path=${file}`)
  await vertigo('run', 'network.yaml', ...settings.flatMap((setting) => ['--set', setting]))

  assert.deepEqual(readJsonLines<Tally>(result), report)
  const refused = readJsonLines<{ readonly message: string }>(rejected).map(({ message }) => message)
  assert.deepEqual(refused.toSorted(), broken.toSorted())
})

/** By cutting lines at blanks and quotes, where the example has a regular expression. */
function summarize(lines: readonly string[]): { readonly report: Tally[]; readonly broken: string[] } {
  const sums = new Map<string, Tally>()
  const broken: string[] = []
  for (const line of lines) {
    const [before = '', request = '', after = ''] = line.split('"')
    const [status = '', size = ''] = after.trim().split(' ')
    const path = request.split(' ')[1]?.split('?')[0]
    const hour = before.split('[')[1]?.slice(0, 14)
    if (path === undefined || hour === undefined || status === '') {
      broken.push(line)
      continue
    }
    const bytes = size === '-' ? 0 : Number(size)
    for (const [by, key] of [
      ['all', ''],
      ['status', status],
      ['hour', hour],
      ['path', path],
    ] as const) {
      const { requests, bytes: sum } = sums.get(`${by} ${key}`) ?? { requests: 0, bytes: 0 }
      sums.set(`${by} ${key}`, { by, key, requests: requests + 1, bytes: sum + bytes })
    }
  }
  const byKey = [...sums.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1))
  const of = (by: string): Tally[] => byKey.filter((tally) => tally.by === by)
  const top = of('path')
    .toSorted((a, b) => b.requests - a.requests)
    .slice(0, topPaths)
  return { report: [...of('all'), ...of('status'), ...of('hour'), ...top], broken }
}
