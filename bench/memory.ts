import { fork } from 'node:child_process'
import { once } from 'node:events'
import { type Benchmark, type Row, type Target, atMost, digits } from './lib/benchmark.ts'
import type { MemoryCase, MemoryResult } from './lib/memory-case.ts'

/**
 * What a network takes of memory while its sink is far slower than its source: the growth of the resident set from when
 * messages begin to flow to its largest. Each case in a process of its own. For small messages the sink is more than a
 * hundred times slower; for those of 1 MB, which cost the source some time too, as slow as a run of a minute allows.
 */

interface Case extends MemoryCase {
  readonly name: string
  readonly growthMbMax: number
}

const small = { kind: 'small', growthMbMax: 100 } as const
const large = { kind: 'large', growthMbMax: 300 } as const

export const memory: Benchmark = {
  name: 'memory',
  subject: 'Growth of memory while a sink is far slower than its source',
  async run({ quick }) {
    const part = quick ? 0.1 : 1
    const cases: readonly Case[] = [
      { name: 'a million small, one thread', workers: 0, count: 1e6 * part, ...small },
      { name: 'a million small, two threads', workers: 2, count: 1e6 * part, ...small },
      { name: '10,000 of 1 MB, one thread', workers: 0, count: 1e4 * part, ...large },
      { name: '10,000 of 1 MB, two threads', workers: 2, count: 1e4 * part, ...large },
    ]
    const rows: Row[] = []
    const targets: Target[] = []
    const slowness: string[] = []
    for (const one of cases) {
      const result = await measure(one)
      const growthMb = result.growthBytes / 1e6
      rows.push({
        contestant: one.name,
        figure: `${digits(growthMb)} MB`,
        quartiles: `${result.samples} samples`,
        rounds: 1,
      })
      targets.push(atMost(`at most ${one.growthMbMax} MB for ${one.name}`, growthMb, one.growthMbMax, ' MB'))
      slowness.push(`${one.name} ${digits(result.sinkMs / result.sourceMs)}`)
    }
    return {
      rows,
      targets,
      notes: [`Time of the sink as a multiple of the source's alone: ${slowness.join('; ')}.`],
    }
  },
}

async function measure(one: MemoryCase): Promise<MemoryResult> {
  const child = fork(new URL('lib/memory-child.ts', import.meta.url), [JSON.stringify(one)])
  let result: MemoryResult | undefined
  child.once('message', (message) => {
    result = message as unknown as MemoryResult
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0 || result === undefined) throw new Error(`a memory case ended with code ${code}`)
  return result
}
