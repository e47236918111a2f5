import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, parse } from 'node:path'
import type { Counted, Pair } from './kinds.ts'
import { published, texts } from './network.ts'
import type { SnapshotState } from './snapshot-state.ts'
import { countWords, joinRequests } from './texts.ts'

/** What the network has is what a plain loop over its texts has, value by value, in its state and in each of its sinks. */

const shown = 20

/** Gives how many messages the values stand for. */
export async function checkState(state: SnapshotState): Promise<number> {
  const counted = await state.of('count', 'value', 'value')
  const counts = countWords(texts.words)
  same(
    'words in the state',
    new Map(
      Array.from(counted, ([word, [seen, sum]]) => [
        String(word),
        `${String(seen)} times, sum ${String(sum)}`,
      ]),
    ),
    new Map(Array.from(counts, ([word, { seen, sum }]) => [word, `${seen} times, sum ${sum}`])),
  )
  const tallied = await state.of('tally', 'map')
  const pairs = pairsWanted()
  same(
    'pairs in the state',
    timesOf(
      Array.from(tallied).flatMap(([client, [times]]) =>
        Array.from(
          times as ReadonlyMap<string, number>,
          ([name, n]) => [`${String(client)} ${name}`, n] as const,
        ),
      ),
    ),
    pairs,
  )
  return sumOf(counts) + pairs.size
}

/** Gives how many lines there are. */
export function checkFiles(folder: string): number {
  const words = linesOf(join(folder, published.words)) as readonly Counted[]
  checkOrder(words)
  const counts = countWords(texts.words)
  same(
    'words in the file',
    // The highest: they came in order.
    new Map(words.map(({ word, count }) => [word, `${count} times`])),
    new Map(Array.from(counts, ([word, { seen }]) => [word, `${seen} times`])),
  )
  const pairs = partsOf(folder, published.pairs).flatMap((file) => linesOf(file) as readonly Pair[])
  const found = new Map<string, number>()
  for (const { client, name } of pairs) {
    const key = `${client} ${name}`
    found.set(key, (found.get(key) ?? 0) + 1)
  }
  same('pairs in the files', timesOf(found), pairsWanted())
  return words.length + pairs.length
}

/** Each count of each word is there once, 1, 2, 3 and so on. */
function checkOrder(words: readonly Counted[]): void {
  const last = new Map<string, number>()
  const wrong: string[] = []
  for (const { word, count } of words) {
    const before = last.get(word) ?? 0
    if (count !== before + 1) wrong.push(`${word}: ${count} comes behind ${before}`)
    last.set(word, count)
  }
  assert.ok(wrong.length === 0, `${wrong.length} lines are wrong:\n${wrong.slice(0, shown).join('\n')}`)
}

function partsOf(folder: string, path: string): readonly string[] {
  const { name, ext } = parse(path)
  const files = readdirSync(folder).filter((file) => file.startsWith(`${name}-`) && file.endsWith(ext))
  return files.map((file) => join(folder, file))
}

function linesOf(file: string): readonly unknown[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  assert.equal(lines.pop(), '', `${file} ends with a whole line`)
  return lines.map((line): unknown => JSON.parse(line))
}

function pairsWanted(): Map<string, string> {
  const all = Array.from(joinRequests(texts.requests)).flatMap(([client, pairs]) =>
    Array.from(pairs, ([name, times]) => [`${client} ${name}`, times] as const),
  )
  return timesOf(all)
}

function timesOf(counts: Iterable<readonly [string, number]>): Map<string, string> {
  return new Map(Array.from(counts, ([key, times]) => [key, `${times} times`]))
}

function sumOf(counts: ReturnType<typeof countWords>): number {
  return [...counts.values()].reduce((all, { seen }) => all + seen, 0)
}

/** Key by key. */
function same(what: string, found: ReadonlyMap<string, string>, expected: ReadonlyMap<string, string>): void {
  const wrong: string[] = []
  for (const [key, value] of expected)
    if (found.get(key) !== value) wrong.push(`${key}: ${found.get(key) ?? 'not there'}, and not ${value}`)
  for (const [key, value] of found) if (!expected.has(key)) wrong.push(`${key}: ${value}, and not there`)
  assert.ok(
    wrong.length === 0,
    `${wrong.length} of ${expected.size} ${what} are wrong:\n${wrong.slice(0, shown).join('\n')}`,
  )
}
