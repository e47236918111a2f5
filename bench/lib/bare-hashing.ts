import { parentPort } from 'node:worker_threads'
import { digestOf } from './digest.ts'

/** A thread that does the work of the benchmark `cores` and nothing else: as many digests as it is told. */

const main = parentPort!
main.on('message', (count: number) => {
  let good = 0
  for (let id = 0; id < count; id++) if (digestOf(id).length === 32) good++
  main.postMessage(good)
})
