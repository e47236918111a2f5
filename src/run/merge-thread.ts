import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../base/clock.ts'
import { errorToData } from '../base/errors.ts'
import { mergeFiles } from '../snapshot/merge-files.ts'
import type { SnapshotStorage } from '../snapshot/storage/storage.ts'
import type { MergeAnswer, MergeOrder, MergeThreadStart } from './merges.ts'
import type { StoresModule } from './types.ts'

/** The main module of the thread that makes files of snapshots one: see `merges.ts`. */

const { stores, address } = workerData as MergeThreadStart

async function openStorage(): Promise<SnapshotStorage> {
  return ((await import(stores)) as StoresModule).openSnapshotStorage(address, systemClock)
}

let storage: Promise<SnapshotStorage> | undefined

async function answer({ id, request }: MergeOrder): Promise<MergeAnswer> {
  try {
    storage ??= openStorage()
    return { id, file: await mergeFiles(await storage, request) }
  } catch (error) {
    // The next one opens it anew.
    storage = undefined
    return { id, error: errorToData(error) }
  }
}

parentPort!.on('message', (order: MergeOrder) => {
  answer(order).then(
    (told) => parentPort!.postMessage(told),
    (error: unknown) => {
      throw error
    },
  )
})
