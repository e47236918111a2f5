import { machineClock } from '../../../../src/base/clock.ts'
import { systemRandom } from '../../../../src/base/random.ts'
import { openCollections } from '../../../../src/store/collections/index.ts'
import { openPatient } from '../../../support/store/patient-store.ts'
import { checkCalls, pairsWanted, same, timesOf, wordTotals } from '../checks.ts'
import { type Noted, weightOf } from '../journaled.ts'
import type { Target } from './target.ts'

const pairsKind = new URL('../journaled.ts#countedPairs', import.meta.url).href

/** Shared maps and counters, in the store of the cluster: a map has the last count of each word, counters tell what is there twice. */
export async function collectionsOf(storeUrl: string): Promise<Target> {
  const store = await openPatient(storeUrl)
  const shared = openCollections(store, { clock: machineClock, random: systemRandom })
  const counterOf = async (name: string): Promise<number> => shared.counter(name).get()
  return {
    name: 'collections',
    sinks: {
      words: { kind: 'collection-sink', config: { map: 'words', key: 'word', value: 'count' } },
      pairs: { kind: pairsKind, instances: 2 },
      calls: { kind: 'collection-sink', config: { map: 'calls', key: 'id' } },
    },
    async check(noted) {
      const words = await shared.map<number>('words').entries()
      same('words in the map', timesOf(words), timesOf(wordTotals()))
      const counted = new Map<string, string>()
      const wanted = new Map<string, string>()
      for (const [client, pairs] of pairsWanted) {
        const weights = Array.from(pairs.keys(), weightOf)
        const sum = weights.reduce((all, weight) => all + weight, 0)
        wanted.set(client, `${pairs.size} pairs, sum ${sum}`)
        const found = [await counterOf(`pairs of ${client}`), await counterOf(`sum of ${client}`)]
        counted.set(client, `${found[0]} pairs, sum ${found[1]}`)
      }
      same('counters of clients', counted, wanted)
      const calls = [...(await shared.map<Noted>('calls').entries()).values()]
      return words.size + counted.size + checkCalls('the map', calls, noted)
    },
    async close() {
      await shared.close()
      await store.close()
    },
  }
}
