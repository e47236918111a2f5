import { getCompileCacheDir } from 'node:module'
import { availableParallelism, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { Worker as Thread } from 'node:worker_threads'
import { workerMemoryMbMin } from './limits.ts'
import { relayOutput } from './thread-output.ts'
import type { ThreadStart } from './thread-protocol.ts'
import type { RunOptions } from './types.ts'

/** In the sources the entry is TypeScript; the build leaves no `.ts` path that it could rewrite here. */
const entry = new URL(
  import.meta.url.endsWith('.ts') ? 'thread-entry.ts' : 'thread-entry.js',
  import.meta.url,
)

/** Above this a worker's share of the memory does not grow: one component seldom needs more, and a leak should show. */
const memoryMbMaxDefault = 4096

export interface ThreadOptions {
  /** Threads that share the machine's memory; undefined for one for each core. */
  readonly workers: number | undefined
  /** Memory of one worker in MiB; undefined for its share. */
  readonly memoryMbMax: number | undefined
  /** URLs of modules that a thread loads beside the engine while it waits for what it is to host. Default: none. */
  readonly preload?: readonly string[]
  /** However much is printed in a thread, this one is not held up by it; see `relayOutput`. Default: false. */
  readonly relays?: boolean
}

/**
 * The threads of a run, with the first one started: every network needs one, so that it is up when the network is known, and a
 * small network begins that much earlier. None is started for `workers: 0`.
 */
export function beginThreads({
  workers,
  workerMemoryMbMax: memoryMbMax,
}: Pick<RunOptions, 'workers' | 'workerMemoryMbMax'>): Threads {
  const threads = new Threads({ workers, memoryMbMax })
  if (workers !== 0) threads.addSpare()
  return threads
}

interface Spare {
  readonly thread: Thread
  /** Somebody else looks after it. */
  readonly leave: () => void
}

/**
 * Starts threads for workers. A thread loads the engine before it is told by a message what it is to host: so spare ones
 * can be there in advance, and what they are taken for begins that much earlier.
 */
export class Threads {
  readonly memoryBytesMax: number
  private readonly preload: readonly string[]
  private readonly relays: boolean
  private readonly spares: Spare[] = []
  private started = 0

  constructor({ workers, memoryMbMax, preload = [], relays = false }: ThreadOptions) {
    const share = Math.floor((totalmem() * 0.75) / 1048576 / Math.max(1, workers ?? availableParallelism()))
    const byDefault = Math.max(workerMemoryMbMin, Math.min(memoryMbMaxDefault, share))
    this.memoryBytesMax = (memoryMbMax ?? byDefault) * 1048576
    this.preload = preload
    this.relays = relays
  }

  /** How many nobody has taken. */
  get sparesCount(): number {
    return this.spares.length
  }

  /** Starts one for later. `settled` is called once: when it has loaded everything, or was taken or has ended before. */
  addSpare(settled: (isReady: boolean) => void = () => undefined): void {
    const thread = this.start()
    thread.unref()
    let settle: typeof settled | undefined = settled
    const done = (isReady: boolean): void => {
      settle?.(isReady)
      settle = undefined
    }
    const loaded = (): void => done(true)
    // What goes wrong in it until somebody takes it is for nobody: it goes wrong again in the next one, and is told.
    const gone = (): void => {
      const at = this.spares.indexOf(spare)
      if (at !== -1) this.spares.splice(at, 1)
      done(false)
    }
    const leave = (): void => {
      thread.off('message', loaded).off('error', gone).off('exit', gone)
      done(false)
    }
    const spare = { thread, leave }
    this.spares.push(spare)
    thread.on('message', loaded).on('error', gone).on('exit', gone)
  }

  /** The spare one that was started first, or else a new one. */
  take(): Thread {
    const spare = this.spares.shift()
    spare?.leave()
    const thread = spare?.thread ?? this.start()
    thread.ref()
    return thread
  }

  /** Ends those that nobody took. */
  async close(): Promise<void> {
    await Promise.all(this.spares.splice(0).map(({ thread }) => thread.terminate()))
  }

  private start(): Thread {
    this.started++
    // Node gives its folder for this version of Node, and takes the one above it.
    const cache = getCompileCacheDir()
    const compileCache = cache === undefined ? undefined : dirname(cache)
    const workerData: ThreadStart = { compileCache, preload: this.preload }
    const { relays } = this
    const thread = new Thread(entry, {
      workerData,
      stdout: relays,
      stderr: relays,
      name: `vertigo-${this.started}`,
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(this.memoryBytesMax / 1048576) },
    })
    if (relays) relayOutput(thread)
    return thread
  }
}
