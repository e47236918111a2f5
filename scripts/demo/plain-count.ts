import { readFileSync } from 'node:fs'

export type Counts = ReadonlyMap<string, number>

/**
 * The words of files, counted in one loop over the bytes: what the network's result is held against. A word is a run of
 * the letters A to Z, in lower case; every other byte separates words, as in `tr -cs 'A-Za-z' '\n' | tr A-Z a-z`.
 */
export function countWords(files: readonly string[]): Counts {
  const counts = new Map<string, number>()
  for (const file of files) {
    const bytes = readFileSync(file)
    let start = -1
    for (let at = 0; at <= bytes.length; at++) {
      if (at < bytes.length && isLetter(bytes[at]!)) {
        if (start < 0) start = at
        continue
      }
      if (start < 0) continue
      const word = bytes.toString('latin1', start, at).toLowerCase()
      counts.set(word, (counts.get(word) ?? 0) + 1)
      start = -1
    }
  }
  return counts
}

/** Every word whose count differs or that only one side has, as a line of text. */
export function differences(counted: Counts, expected: Counts): string[] {
  const found: string[] = []
  for (const [word, count] of expected) {
    const other = counted.get(word)
    if (other !== count) found.push(`"${word}": the network counted ${other ?? 'none'}, the loop ${count}`)
  }
  for (const [word, count] of counted)
    if (!expected.has(word)) found.push(`"${word}": the network counted ${count}, the loop none`)
  return found
}

function isLetter(byte: number): boolean {
  return (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122)
}
