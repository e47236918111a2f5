import assert from 'node:assert/strict'
import { type Noted, readCalls } from './journaled.ts'
import type { Counted, Pair } from './kinds.ts'
import { texts, textsMissing } from './network.ts'
import type { SnapshotState } from './snapshot-state.ts'
import { countWords, joinRequests, type Pairs, type WordCounts } from './texts.ts'

/** What the network has is what a plain loop over its texts has, value by value, in its state and in each of its sinks. */

const shown = 20
/** A plain loop's; without the texts nothing is run that is compared with them. */
export const wordsWanted: WordCounts = textsMissing === false ? countWords(texts.words) : new Map()
export const pairsWanted: Pairs = textsMissing === false ? joinRequests(texts.requests) : new Map()
const wordsCount = [...wordsWanted.values()].reduce((all, { seen }) => all + seen, 0)

/** Gives how many messages the values stand for. */
export async function checkState(state: SnapshotState, noted: string): Promise<number> {
  const counted = await state.of('count', 'value', 'value')
  same(
    'words in the state',
    new Map(
      Array.from(counted, ([word, [seen, sum]]) => [
        String(word),
        `${String(seen)} times, sum ${String(sum)}`,
      ]),
    ),
    new Map(Array.from(wordsWanted, ([word, { seen, sum }]) => [word, `${seen} times, sum ${sum}`])),
  )
  const tallied = await state.of('tally', 'map')
  const pairs = pairTimes()
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
  const calls = Array.from(await state.of('note', 'value'), ([id, [times]]) => ({
    id: id as string,
    times: times as number,
  }))
  return wordsCount + pairs.size + checkCalls('the state', calls, noted)
}

/** Each count of each word is there once, in their order: 1, 2, 3 and so on. Gives how many there are. */
export function checkWords(where: string, words: readonly Counted[]): number {
  const last = new Map<string, number>()
  const wrong: string[] = []
  for (const { word, count } of words) {
    const before = last.get(word) ?? 0
    if (count !== before + 1) wrong.push(`${word}: ${count} comes behind ${before}`)
    last.set(word, count)
  }
  assert.ok(wrong.length === 0, `${wrong.length} words in ${where} are wrong:\n${shorten(wrong)}`)
  same(`words in ${where}`, timesOf(last), timesOf(wordTotals()))
  return words.length
}

/** Of each word, how often it came. */
export function* wordTotals(): Iterable<readonly [string, number]> {
  for (const [word, { seen }] of wordsWanted) yield [word, seen]
}

export function checkPairs(where: string, pairs: readonly Pair[]): number {
  same(
    `pairs in ${where}`,
    timesOf(countsOf(pairs.map(({ client, name }) => `${client} ${name}`))),
    pairTimes(),
  )
  return pairs.length
}

/** Of what cannot be read again: what its source knows to be kept is there, and nothing twice, nor what it has not given. */
export function checkCalls(where: string, calls: readonly Noted[], noted: string): number {
  const { given, kept } = readCalls(noted)
  const times = countsOf(calls.map(({ id }) => id))
  const wrong = [
    ...Array.from(times, ([id, n]) => (n === 1 ? '' : `${id} is there ${n} times`)),
    ...calls.map(({ id, times: came }) => (came === 1 ? '' : `${id} came ${came} times`)),
    ...Array.from(kept, (id) => (times.has(id) ? '' : `${id} was kept, and is not there`)),
    ...Array.from(times.keys(), (id) => (given.has(id) ? '' : `nobody has given ${id}`)),
  ].filter((text) => text !== '')
  assert.ok(kept.size > 0, 'some calls were kept')
  assert.ok(wrong.length === 0, `${wrong.length} calls in ${where} are wrong:\n${shorten(wrong)}`)
  return calls.length
}

/** Key by key. */
export function same(
  what: string,
  found: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
): void {
  const wrong: string[] = []
  for (const [key, value] of expected)
    if (found.get(key) !== value) wrong.push(`${key}: ${found.get(key) ?? 'not there'}, and not ${value}`)
  for (const [key, value] of found) if (!expected.has(key)) wrong.push(`${key}: ${value}, and not there`)
  assert.ok(wrong.length === 0, `${wrong.length} of ${expected.size} ${what} are wrong:\n${shorten(wrong)}`)
}

export function timesOf(counts: Iterable<readonly [string, number]>): Map<string, string> {
  return new Map(Array.from(counts, ([key, times]) => [key, `${times} times`]))
}

function pairTimes(): Map<string, string> {
  const all = Array.from(pairsWanted).flatMap(([client, pairs]) =>
    Array.from(pairs, ([name, times]) => [`${client} ${name}`, times] as const),
  )
  return timesOf(all)
}

function countsOf(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

function shorten(lines: readonly string[]): string {
  return lines.slice(0, shown).join('\n')
}
