import { existsSync } from 'node:fs'
import { inRoot } from '../../../scripts/lib/paths.ts'
import type { ComponentText, NetworkText } from '../cluster-faults/cluster.ts'
import { type Stream, streams, type Target } from './targets/target.ts'

/** Three networks in one: the words of a text are counted, the requests in a log joined, and calls noted that nobody can read again. */

const shakespeare = inRoot('../shared/data/shakespeare.txt')
const accessLog = inRoot('../shared/data/apache-access.log')

/** Why the texts cannot be read; false where they can. */
export const textsMissing: string | false =
  existsSync(shakespeare) && existsSync(accessLog) ? false : 'the texts are not on this machine'

export const texts = { words: shakespeare, requests: accessLog }

export interface NetworkOptions extends Pick<NetworkText, 'state' | 'journal'> {
  /** Where the sources are told, by a file, that nothing is killed any more. */
  readonly hurry: string
  /** How long they are to take until they wait for that. */
  readonly lastsMs: number
  readonly intervalMs: number
  /** A file for what the source that cannot be read again has given. */
  readonly noted: string
  /** Where all is published. */
  readonly targets: readonly Target[]
  /** Default: where the cluster keeps them. */
  readonly storage?: string
}

const kinds = new URL('kinds.ts', import.meta.url).href
const journaledKinds = new URL('journaled.ts', import.meta.url).href
const [wordLines, requestLines, callsPerSecond] = [40_000, 10_000, 60]

/** Where what each stream has comes from. */
const outputs: Readonly<Record<Stream, string>> = { words: 'count.out', pairs: 'join.out', calls: 'note.out' }

export function networkText(options: NetworkOptions): NetworkText {
  const { hurry, lastsMs, intervalMs, noted, targets, storage, state, journal } = options
  const copies = (kind: string, instances: number, of = kinds): ComponentText => ({
    kind: `${of}#${kind}`,
    instances,
  })
  const source = (text: string, count: number, instances: number): ComponentText => ({
    ...copies('lines', instances),
    config: { text, hurry, perSecond: (count * 1000) / lastsMs },
  })
  const sinks = targets.flatMap(({ name, sinks: all }) =>
    streams.map((stream) => ({ name: `${name}-${stream}`, sink: all[stream], from: outputs[stream] })),
  )
  return {
    name: 'net',
    guarantee: 'exactly-once',
    snapshot: { intervalMs, ...(storage !== undefined && { storage }) },
    ...(state !== undefined && { state }),
    ...(journal !== undefined && { journal }),
    components: {
      text: source(texts.words, wordLines, 2),
      split: copies('splits', 2),
      count: copies('counts', 3),
      log: source(texts.requests, requestLines, 1),
      request: copies('requests', 2),
      join: copies('joins', 2),
      tally: copies('tallies', 3),
      call: {
        ...copies('calls', 1, journaledKinds),
        config: { noted, hurry, perSecond: callsPerSecond },
      },
      note: copies('notes', 2, journaledKinds),
      ...Object.fromEntries(sinks.map(({ name, sink }) => [name, sink])),
    },
    connections: [
      { from: 'text.out', to: 'split.in' },
      { from: 'split.out', to: 'count.in', selector: { type: 'hash', key: 'word' } },
      { from: 'log.out', to: 'request.in' },
      { from: 'request.good', to: 'join.good', selector: { type: 'hash', key: 'client' } },
      { from: 'request.bad', to: 'join.bad', selector: { type: 'hash', key: 'client' } },
      { from: 'join.out', to: 'tally.in', selector: { type: 'hash', key: 'client' } },
      { from: 'call.out', to: 'note.in', selector: { type: 'hash', key: 'id' } },
      ...sinks.map(({ name, from }) => ({ from, to: `${name}.in` })),
    ],
  }
}

/** Of all components. */
export function instancesOf({ components }: NetworkText): number {
  return Object.values(components).reduce((all, { instances = 1 }) => all + instances, 0)
}
