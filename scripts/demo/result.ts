import type { Failure } from './failure.ts'
import { type Counts, differences } from './plain-count.ts'
import { count, number, type Screen } from './screen.ts'

const shownWords = 10
const shownCharacters = 40
const shownDifferences = 20

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
  /** What is wrong with the order in which they were published. */
  readonly faults: readonly string[]
  /** By a plain loop over the same text. */
  readonly expected: Counts
  readonly failure: Failure | undefined
  /** What else went wrong. */
  readonly mishaps: readonly string[]
}

/** Holds the counts against those of a plain loop: they are equal, whatever has failed. Gives whether that is so. */
export function compare({ counted, faults, expected, failure, mishaps }: Outcome, screen: Screen): boolean {
  const [have, want] = [sum(counted), sum(expected)]
  screen.say(`  words in the text        ${number(want)}, by a plain loop over it`)
  screen.say(`  words counted            ${number(have)}`)
  const wrong = [...differences(counted, expected), ...faults]
  if (wrong.length > 0) {
    screen.say(`\nWrong: ${count(wrong.length, 'count')} not as promised.`)
    for (const line of wrong.slice(0, shownDifferences)) screen.say(`  ${line}`)
    if (wrong.length > shownDifferences) screen.say(`  and ${number(wrong.length - shownDifferences)} more`)
    return false
  }
  screen.say(`  difference               none: ${count(counted.size, 'different word')}, all counts equal`)
  screen.say('')
  for (const mishap of mishaps) screen.say(`Not planned: ${mishap}.`)
  if (failure !== undefined || mishaps.length > 0) {
    screen.say(
      'Each count of each word was published once, in order: 1, 2, 3 and so on. What was counted since the',
    )
    screen.say('last snapshot was counted again, and nobody saw it twice. That is "exactly once".')
  }
  return true
}

function shortened(word: string): string {
  return word.length > shownCharacters ? `${word.slice(0, shownCharacters)}…` : word
}
