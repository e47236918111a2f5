import v8 from 'node:v8'
import vm from 'node:vm'
import { VertigoError } from '../base/errors.ts'
import type { Clock } from '../base/clock.ts'

/**
 * Compares what a thread uses (heap plus buffers outside of it) with its limit, between slices, so that a leaking
 * component fails the network with its name before V8 ends the thread, or the process, without one.
 */

const checkMsMin = 20

export class MemoryGuard {
  private readonly bytesMax: number
  private readonly clock: Clock
  private readonly onMeasured: (bytes: number) => void
  private readonly suspects: () => { readonly component: string | undefined; readonly text: string }
  private nextCheck = 0
  private collect: (() => void) | undefined

  constructor(
    bytesMax: number,
    clock: Clock,
    onMeasured: (bytes: number) => void,
    suspects: MemoryGuard['suspects'],
  ) {
    this.bytesMax = bytesMax
    this.clock = clock
    this.onMeasured = onMeasured
    this.suspects = suspects
  }

  /** The error where the limit is exceeded. */
  readonly check = (): VertigoError | undefined => {
    const now = this.clock.monotonic()
    if (now < this.nextCheck) return undefined
    this.nextCheck = now + checkMsMin
    let used = usedBytes()
    if (used > this.bytesMax) {
      // What is only garbage is no leak: the limit is about what stays.
      this.collectGarbage()
      used = usedBytes()
    }
    this.onMeasured(used)
    if (used <= this.bytesMax) return undefined
    const mib = (bytes: number): string => `${Math.round(bytes / 1048576)} MiB`
    const { component, text } = this.suspects()
    return new VertigoError(
      'WORKER_MEMORY',
      `a worker uses ${mib(used)} of heap and buffers; its limit is ${mib(this.bytesMax)}. ${text}`,
      { place: { component } },
    )
  }

  private collectGarbage(): void {
    if (this.collect === undefined) {
      v8.setFlagsFromString('--expose-gc')
      this.collect = vm.runInNewContext('gc') as () => void
    }
    this.collect()
  }
}

function usedBytes(): number {
  const statistics = v8.getHeapStatistics()
  return statistics.used_heap_size + statistics.external_memory
}
