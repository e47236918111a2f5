import process from 'node:process'
import { WorkerSnapshots } from '../../src/worker/snapshots/worker-snapshots.ts'

/**
 * Notes in `slicesMs` how much of the processor each piece of snapshot work takes that keeps handlers waiting: cuts, steps between turns, and
 * what follows the end of a snapshot. What the thread waits for the processor is not the work's; it is in the gaps.
 */
export function measureSlices(slicesMs: number[]): void {
  const methods = WorkerSnapshots.prototype as unknown as Record<string, (...args: unknown[]) => unknown>
  for (const name of ['cut', 'cutFinished', 'step', 'ended']) {
    const original = methods[name]!
    methods[name] = function measured(this: WorkerSnapshots, ...args: unknown[]): unknown {
      const before = process.threadCpuUsage()
      try {
        return original.apply(this, args)
      } finally {
        const { user, system } = process.threadCpuUsage(before)
        slicesMs.push((user + system) / 1_000)
      }
    }
  }
}
