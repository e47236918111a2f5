import { enableCompileCache } from 'node:module'
import { workerData } from 'node:worker_threads'
import type { ThreadStart } from './thread-protocol.ts'

/** The main module of a worker thread. Threads do not take over the cache of compiled code; it has to be there before the rest. */

const { compileCache } = workerData as ThreadStart
if (compileCache !== undefined) enableCompileCache(compileCache)
await import('./thread-main.ts')
