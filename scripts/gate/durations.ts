/** What `npm test -- --durations` shows: the files and tests of a tier that took longest. */
import { readFileSync, rmSync } from 'node:fs'

/** Environment variable: the file in which the test files of a tier note what they took. */
export const durationsFile = 'VERTIGO_TEST_DURATIONS'

const shown = 25

interface FileUsage {
  readonly file: string
  readonly seconds: number
  readonly cpuSeconds: number
}

export interface TestDuration {
  readonly name: string
  readonly seconds: number
}

export function usageLine(usage: FileUsage): string {
  return `${JSON.stringify(usage)}\n`
}

/** Takes what the files have noted, so that the next tier starts anew. */
function takeUsages(path: string): FileUsage[] {
  let text
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    // No file has ended in a way to note it.
    return []
  }
  rmSync(path)
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as FileUsage)
}

export function slowest(
  path: string,
  tests: readonly TestDuration[],
  shorten: (path: string) => string,
): string {
  const files = takeUsages(path)
  const sum = (of: (usage: FileUsage) => number): string =>
    files.reduce((all, one) => all + of(one), 0).toFixed(1)
  const total = `${files.length} files: ${sum((one) => one.seconds)} s, ${sum((one) => one.cpuSeconds)} s of processors`
  return [
    total,
    'slowest files (seconds, processor seconds with child processes):',
    ...bySeconds(files).map(
      ({ file, seconds, cpuSeconds }) => `${column(seconds)} ${column(cpuSeconds)}  ${shorten(file)}`,
    ),
    'slowest tests (seconds):',
    ...bySeconds(tests).map(({ name, seconds }) => `${column(seconds)}  ${name}`),
    '',
  ].join('\n')
}

function bySeconds<T extends { readonly seconds: number }>(all: readonly T[]): T[] {
  return all.toSorted((a, b) => b.seconds - a.seconds).slice(0, shown)
}

function column(seconds: number): string {
  return seconds.toFixed(1).padStart(7)
}
