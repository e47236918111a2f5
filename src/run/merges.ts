import { Worker as Thread } from 'node:worker_threads'
import { type ErrorData, errorFromData, VertigoError } from '../base/errors.ts'
import type { FileReference } from '../snapshot/manifest.ts'
import type { MergeRequest } from '../snapshot/merge-files.ts'

/**
 * Merges files of snapshots in a thread of their own, so that handlers do not wait for it: a merge reads and writes all of a state. The thread
 * begins with the first merge.
 */
export interface MergeThreadStart {
  /** URL of a `StoresModule`. */
  readonly stores: string
  /** Of the storage. */
  readonly address: string
}

export interface MergeOrder {
  readonly id: number
  readonly request: MergeRequest
}

export type MergeAnswer =
  { readonly id: number; readonly file: FileReference } | { readonly id: number; readonly error: ErrorData }

interface Waiting {
  readonly resolve: (file: FileReference) => void
  readonly reject: (error: Error) => void
}

const threadUrl = new URL(
  import.meta.url.endsWith('.ts') ? 'merge-thread.ts' : 'merge-thread.js',
  import.meta.url,
)

export class Merges {
  private readonly start: MergeThreadStart
  private readonly waiting = new Map<number, Waiting>()
  private thread: Thread | undefined
  private lastId = 0
  private isClosed = false

  constructor(start: MergeThreadStart) {
    this.start = start
  }

  /** Errors: those of `mergeFiles`; STOPPED where the thread has ended. */
  readonly merge = (request: MergeRequest, signal: AbortSignal): Promise<FileReference> => {
    if (this.isClosed || signal.aborted) return Promise.reject(stopped())
    this.thread ??= this.begin()
    const id = ++this.lastId
    const { promise, resolve, reject } = Promise.withResolvers<FileReference>()
    this.waiting.set(id, { resolve, reject })
    this.thread.postMessage({ id, request } satisfies MergeOrder)
    return promise
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.thread?.terminate()
  }

  private begin(): Thread {
    const thread = new Thread(threadUrl, { workerData: this.start, name: 'vertigo merges' })
    // It keeps nobody alive.
    thread.unref()
    thread.on('message', (answer: MergeAnswer) => {
      const waiting = this.waiting.get(answer.id)
      this.waiting.delete(answer.id)
      if ('file' in answer) waiting?.resolve(answer.file)
      else waiting?.reject(errorFromData(answer.error))
    })
    const ended = (error?: Error): void => {
      if (this.thread === thread) this.thread = undefined
      for (const { reject } of this.waiting.values()) reject(error ?? stopped())
      this.waiting.clear()
    }
    thread.on('error', ended)
    thread.on('exit', () => ended())
    return thread
  }
}

function stopped(): VertigoError {
  return new VertigoError('STOPPED', 'the thread that merges files of snapshots has ended')
}
