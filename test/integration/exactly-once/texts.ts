import { readFileSync } from 'node:fs'

/** What the network is to find in its texts, and what a plain loop over them finds, which knows nothing of networks. */

export interface Request {
  readonly client: string
  readonly number: number
  /** It was answered with what was asked for. */
  readonly isGood: boolean
}

export interface WordCount {
  seen: number
  sum: number
}

/** By word. */
export type WordCounts = ReadonlyMap<string, Readonly<WordCount>>
/** By client: of each pair of requests, how often it was joined. */
export type Pairs = ReadonlyMap<string, ReadonlyMap<string, number>>

export function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[a-z]+/g) ?? []
}

/** Of a line of a web server's log; undefined where it is none. */
export function requestOf(text: string, number: number): Request | undefined {
  const found = /^(\S+) [^"]*"(?:[^"\\]|\\.)*" (\d{3}) /.exec(text)
  return found === null ? undefined : { client: found[1]!, number, isGood: found[2] === '200' }
}

/** The numbers of the two that a pair's name is made of. */
export function requestsOf(name: string): readonly [good: number, bad: number] {
  const [good, bad] = name.split(' ').map(Number)
  return [good!, bad!]
}

export function countWords(path: string): WordCounts {
  const counts = new Map<string, WordCount>()
  for (const [number, line] of linesOf(path).entries())
    for (const word of wordsOf(line)) {
      const count = counts.get(word) ?? { seen: 0, sum: 0 }
      counts.set(word, count)
      count.seen++
      count.sum += number
    }
  return counts
}

export function joinRequests(path: string): Pairs {
  const requests = linesOf(path).flatMap((line, number) => requestOf(line, number) ?? [])
  const good = Map.groupBy(
    requests.filter(({ isGood }) => isGood),
    ({ client }) => client,
  )
  const pairs = new Map<string, Map<string, number>>()
  for (const { client, number, isGood } of requests) {
    if (isGood) continue
    for (const other of good.get(client) ?? []) {
      const ofClient = pairs.get(client) ?? new Map<string, number>()
      pairs.set(client, ofClient)
      ofClient.set(`${other.number} ${number}`, 1)
    }
  }
  return pairs
}

function linesOf(path: string): readonly string[] {
  return readFileSync(path, 'utf8').split('\n')
}
