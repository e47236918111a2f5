import { run } from 'vertigo-flow'
import type { Contestant } from './contest.ts'
import { Rounds } from './rounds.ts'

/** The network of a module in worker threads, set up once; `name` is that of the module, the network and its rounds. */
export async function remoteNetwork(
  name: string,
  contestant: string,
  count: number,
  expected: number,
  options: { readonly workers?: number; readonly module?: string } = {},
): Promise<Contestant & { readonly close: () => Promise<void> }> {
  const module = new URL(`../networks/${options.module ?? name}.ts`, import.meta.url)
  const running = await run(module, { workers: options.workers ?? 2 })
  const rounds = new Rounds(name)
  let closing = false
  running.done.catch((error: unknown) => {
    if (!closing)
      process.nextTick(() => {
        throw error as Error
      })
  })
  return {
    name: contestant,
    async round() {
      const sum = await rounds.run(count)
      if (sum !== expected) throw new Error(`${contestant}: the sum is ${sum}, not ${expected}`)
      return count
    },
    async close() {
      closing = true
      rounds.close()
      await running.stop()
    },
  }
}
