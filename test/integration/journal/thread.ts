import { parentPort, workerData } from 'node:worker_threads'
import { openJournal } from '../../../src/journal/open.ts'

/** A thread that opens a journal, appends, and keeps it open. */
const journal = await openJournal({ folder: workerData as string, generation: 1 })
await journal.append(Buffer.from('of the thread'))
parentPort!.postMessage('appended')
parentPort!.on('message', () => undefined)
