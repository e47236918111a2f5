import { memoryUsage } from 'node:process'
import { run } from 'vertigo-flow'
import { makeMessage } from '../networks/slow-sink.ts'
import type { MemoryCase, MemoryResult } from './memory-case.ts'

/** The process of one case of the benchmark `memory`. */

const sampleMs = 20

const text = process.argv[2]!
const asked = JSON.parse(text) as MemoryCase
process.env['MEMORY_CASE'] = text

const started = performance.now()
const running = await run(new URL('../networks/slow-sink-case.ts', import.meta.url), {
  workers: asked.workers,
})
const start = memoryUsage.rss()
let most = start
let samples = 0
const timer = setInterval(() => {
  most = Math.max(most, memoryUsage.rss())
  samples++
}, sampleMs)
const { instances } = await running.done
const sinkMs = (performance.now() - started) / asked.count
clearInterval(timer)

const received = instances.find(({ component }) => component === 'sink')?.received
if (received !== asked.count) throw new Error(`the sink got ${received} messages, not ${asked.count}`)
const result: MemoryResult = { growthBytes: most - start, samples, sourceMs: sourceAlone(), sinkMs }
process.send!(result, () => process.exit())

/** How long the source takes for a message with nothing behind it. */
function sourceAlone(): number {
  const make = makeMessage[asked.kind]
  const count = Math.min(asked.count, asked.kind === 'small' ? 1e6 : 500)
  const begun = performance.now()
  let kept: unknown
  for (let i = 0; i < count; i++) kept = make(i)
  return kept === undefined ? 0 : (performance.now() - begun) / count
}
