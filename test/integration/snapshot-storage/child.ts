import { systemClock } from '../../../src/base/clock.ts'
import { systemRandom } from '../../../src/base/random.ts'
import { storageOver } from '../../../src/snapshot/storage/checked-storage.ts'
import { FolderStorageBackend } from '../../../src/snapshot/storage/folder/folder-backend.ts'

/** A process of its own that puts objects without end, for tests that end it. `process.argv`: the folder. */

const [folder] = process.argv.slice(2) as [string]
const backend = await FolderStorageBackend.open({ folder, clock: systemClock, random: systemRandom })
const storage = storageOver(backend, systemClock)

for (let number = 0; ; number++) {
  const { bytes } = await storage.put(`of-${process.pid}/${number}`, Buffer.alloc(100_000 + number, number))
  await storage.put('shared/last', Buffer.alloc(300_000, number))
  process.send?.({ number, bytes })
}
