import { getCompileCacheDir } from 'node:module'
import { availableParallelism, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { Worker as Thread } from 'node:worker_threads'
import { workerMemoryMbMin } from './limits.ts'
import type { ThreadStart } from './thread-protocol.ts'

/** In the sources the entry is TypeScript; the build leaves no `.ts` path that it could rewrite here. */
const entry = new URL(
  import.meta.url.endsWith('.ts') ? 'thread-entry.ts' : 'thread-entry.js',
  import.meta.url,
)

/** Above this a worker's share of the memory does not grow: one component seldom needs more, and a leak should show. */
const memoryMbMaxDefault = 4096

export interface ThreadOptions {
  /** Threads that were asked for; undefined for one for each core. */
  readonly workers: number | undefined
  /** Memory of one worker in MiB; undefined for its share. */
  readonly memoryMbMax: number | undefined
  /** How many share the machine's memory. Default: `workers`. */
  readonly share?: number
}

/**
 * The threads of a run. The first one is started before the network is read, since every network needs it: it is up when
 * the network is known, and a small network begins that much earlier. What it is to host it is told by a message.
 */
export class Threads {
  readonly memoryBytesMax: number
  private spare: Thread | undefined
  private started = 0

  constructor({ workers, memoryMbMax, share: of = workers }: ThreadOptions) {
    const share = Math.floor((totalmem() * 0.75) / 1048576 / Math.max(1, of ?? availableParallelism()))
    const byDefault = Math.max(workerMemoryMbMin, Math.min(memoryMbMaxDefault, share))
    this.memoryBytesMax = (memoryMbMax ?? byDefault) * 1048576
    if (workers === 0) return
    this.spare = this.start()
    // Until somebody takes it and listens, what goes wrong in it is for nobody; then it is told again.
    this.spare.unref()
  }

  take(): Thread {
    const thread = this.spare ?? this.start()
    this.spare = undefined
    thread.ref()
    return thread
  }

  /** Ends the one that nobody took. */
  async close(): Promise<void> {
    const { spare } = this
    this.spare = undefined
    await spare?.terminate()
  }

  private start(): Thread {
    this.started++
    // Node gives its folder for this version of Node, and takes the one above it.
    const cache = getCompileCacheDir()
    const workerData: ThreadStart = { compileCache: cache === undefined ? undefined : dirname(cache) }
    return new Thread(entry, {
      workerData,
      name: `vertigo-${this.started}`,
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(this.memoryBytesMax / 1048576) },
    })
  }
}
