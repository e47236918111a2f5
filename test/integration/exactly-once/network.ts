import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { inRoot } from '../../../scripts/lib/paths.ts'
import type { ComponentText, NetworkText } from '../cluster-faults/cluster.ts'

/** Two networks in one: the words of a text are counted, and the requests in a log joined. */

const shakespeare = inRoot('../shared/data/shakespeare.txt')
const accessLog = inRoot('../shared/data/apache-access.log')

/** Why the texts cannot be read; false where they can. */
export const textsMissing: string | false =
  existsSync(shakespeare) && existsSync(accessLog) ? false : 'the texts are not on this machine'

export const texts = { words: shakespeare, requests: accessLog }

export interface NetworkOptions {
  /** Where the sources are told, by a file, that nothing is killed any more. */
  readonly hurry: string
  /** How long they are to take until they wait for that. */
  readonly lastsMs: number
  readonly intervalMs: number
  /** A folder for what is published in files. */
  readonly out: string
  /** Default: where the cluster keeps them. */
  readonly storage?: string
}

/** Names of what is in `out`: one file that grows, and one for each snapshot and instance. */
export const published = { words: 'words.jsonl', pairs: 'pairs.jsonl' }

/** Of all components. */
export const instancesCount = 18

const kinds = new URL('kinds.ts', import.meta.url).href
const [wordLines, requestLines] = [40_000, 10_000]

export function networkText({ hurry, lastsMs, intervalMs, out, storage }: NetworkOptions): NetworkText {
  const copies = (kind: string, instances: number): ComponentText => ({ kind: `${kinds}#${kind}`, instances })
  const source = (text: string, count: number, instances: number): ComponentText => ({
    ...copies('lines', instances),
    config: { text, hurry, perSecond: (count * 1000) / lastsMs },
  })
  return {
    name: 'net',
    guarantee: 'exactly-once',
    snapshot: { intervalMs, ...(storage !== undefined && { storage }) },
    components: {
      text: source(texts.words, wordLines, 2),
      split: copies('splits', 2),
      count: copies('counts', 3),
      log: source(texts.requests, requestLines, 1),
      request: copies('requests', 2),
      join: copies('joins', 2),
      tally: copies('tallies', 3),
      words: { kind: 'file-sink', config: { path: join(out, published.words) } },
      pairs: { kind: 'file-sink', instances: 2, config: { path: join(out, published.pairs), parts: true } },
    },
    connections: [
      { from: 'text.out', to: 'split.in' },
      { from: 'split.out', to: 'count.in', selector: { type: 'hash', key: 'word' } },
      { from: 'log.out', to: 'request.in' },
      { from: 'request.good', to: 'join.good', selector: { type: 'hash', key: 'client' } },
      { from: 'request.bad', to: 'join.bad', selector: { type: 'hash', key: 'client' } },
      { from: 'count.out', to: 'words.in' },
      { from: 'join.out', to: 'pairs.in' },
      { from: 'join.out', to: 'tally.in', selector: { type: 'hash', key: 'client' } },
    ],
  }
}
