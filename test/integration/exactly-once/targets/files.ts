import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, parse } from 'node:path'
import { checkCalls, checkPairs, checkWords } from '../checks.ts'
import type { Noted } from '../journaled.ts'
import type { Counted, Pair } from '../kinds.ts'
import type { Target } from './target.ts'

/** Files of both kinds: that grow, and one for each snapshot and instance. */
export function filesIn(folder: string): Target {
  const path = (name: string): string => join(folder, `${name}.jsonl`)
  const pairs = { path: path('pairs'), parts: true }
  return {
    name: 'files',
    sinks: {
      words: { kind: 'file-sink', config: { path: path('words') } },
      pairs: { kind: 'file-sink', instances: 2, config: pairs },
      calls: { kind: 'file-sink', config: { path: path('calls') } },
    },
    async check(noted) {
      const words = checkWords('the file', linesOf(path('words')) as readonly Counted[])
      const parts = partsOf(path('pairs')).flatMap((file) => linesOf(file) as readonly Pair[])
      const calls = linesOf(path('calls')) as readonly Noted[]
      return words + checkPairs('the files', parts) + checkCalls('the file', calls, noted)
    },
    close: async () => undefined,
  }
}

function partsOf(path: string): readonly string[] {
  const { dir, name, ext } = parse(path)
  const files = readdirSync(dir).filter((file) => file.startsWith(`${name}-`) && file.endsWith(ext))
  return files.map((file) => join(dir, file))
}

function linesOf(file: string): readonly unknown[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  assert.equal(lines.pop(), '', `${file} ends with a whole line`)
  return lines.map((line): unknown => JSON.parse(line))
}
