import { existsSync, readFileSync } from 'node:fs'
import type { Failure } from './failure.ts'
import { type Counts, differences } from './plain-count.ts'
import { count, number, type Screen } from './screen.ts'

const shownWords = 10
const shownCharacters = 40
const shownDifferences = 20

/** What the network has written. */
export function readCounts(file: string): Counts {
  const counts = new Map<string, number>()
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  for (const line of text.split('\n')) {
    if (line === '') continue
    const { word, count: times } = JSON.parse(line) as { readonly word: string; readonly count: number }
    if (counts.has(word)) throw new Error(`The network sent the word "${word}" twice.`)
    counts.set(word, times)
  }
  return counts
}

export function sum(counts: Counts): number {
  return [...counts.values()].reduce((total, times) => total + times, 0)
}

export function showTop(counts: Counts, screen: Screen): void {
  if (counts.size === 0) return
  screen.say('\nThe most frequent words:')
  const top = [...counts].toSorted(([, a], [, b]) => b - a).slice(0, shownWords)
  for (const [word, times] of top) screen.say(`${number(times).padStart(10)}  ${shortened(word)}`)
}

export interface Outcome {
  readonly counted: Counts
  /** By a plain loop over the same text. */
  readonly expected: Counts
  readonly failure: Failure | undefined
  /** What else went wrong, and may have cost words. */
  readonly mishaps: readonly string[]
}

/**
 * Holds the counts against those of a plain loop, by what a cluster promises in this version: equal without a failure; after
 * one, what the failed node held is missing, and no word is counted twice. Gives whether that is so.
 */
export function compare({ counted, expected, failure, mishaps }: Outcome, screen: Screen): boolean {
  const [have, want] = [sum(counted), sum(expected)]
  const mayMiss = failure !== undefined || mishaps.length > 0
  screen.say(`  words in the text        ${number(want)}, by a plain loop over it`)
  screen.say(`  words counted            ${number(have)}`)
  const wrong = mayMiss ? excess(counted, expected) : differences(counted, expected)
  if (wrong.length > 0) {
    screen.say(`\nWrong: ${count(wrong.length, 'word')} not counted as promised.`)
    for (const line of wrong.slice(0, shownDifferences)) screen.say(`  ${line}`)
    if (wrong.length > shownDifferences) screen.say(`  and ${number(wrong.length - shownDifferences)} more`)
    return false
  }
  if (have === want) {
    screen.say(`  difference               none: ${count(counted.size, 'different word')}, all counts equal`)
    if (failure !== undefined)
      screen.say('                           (luck: what a killed node holds is lost)')
    return true
  }
  const share = ((want - have) * 100) / want
  screen.say(`  difference               ${number(want - have)} fewer (${share.toFixed(2)} %)`)
  screen.say('')
  for (const mishap of mishaps) screen.say(`Not planned: ${mishap}.`)
  if (failure !== undefined)
    screen.say(
      `The missing words were on their way through ${failure.node.id}, or to it, when it was killed.`,
    )
  screen.say(
    'In this version a cluster promises "at most once": what a failed node held is lost, and nothing is',
  )
  screen.say(
    'counted twice (checked for each word). Equal counts after a failure are to come, with snapshots.',
  )
  return true
}

/** Words that were counted more often than they are there. */
function excess(counted: Counts, expected: Counts): string[] {
  const most = new Map([...counted].map(([word, times]) => [word, Math.min(times, expected.get(word) ?? 0)]))
  return differences(counted, most)
}

function shortened(word: string): string {
  return word.length > shownCharacters ? `${word.slice(0, shownCharacters)}…` : word
}
