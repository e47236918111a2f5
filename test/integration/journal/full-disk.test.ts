import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openJournal } from '../../../src/journal/open.ts'
import { errorCode } from '../../support/error-code.ts'
import { noSmallDisk, SmallDisk } from '../../support/small-disk.ts'

test(
  'a full disk is told by name; with room again the journal goes on, and nothing acknowledged is lost',
  { skip: noSmallDisk },
  async (t) => {
    const disk = new SmallDisk(t)
    const folder = join(disk.folder, 'journal')
    const ballast = join(disk.folder, 'ballast')
    writeFileSync(ballast, Buffer.alloc(300_000))
    const options = { folder, segmentBytesMax: 200_000 }
    const journal = await openJournal({ ...options, generation: 1 })
    const acknowledged: string[] = []
    const fill = async (): Promise<void> => {
      let failures = 0
      while (failures < 5) {
        const text = `${acknowledged.length} ${failures} `.padEnd(7_000, '.')
        const code = await errorCode(journal.append(Buffer.from(text)))
        if (code === 'no error') acknowledged.push(text)
        else {
          assert.equal(code, 'DISK_FULL')
          failures++
        }
      }
    }
    await fill()
    const before = acknowledged.length
    assert.ok(before > 50, `${before} records`)
    rmSync(ballast)
    await fill()
    assert.ok(acknowledged.length > before + 20, `${acknowledged.length - before} more records`)
    // Opening begins a segment, for which there is no room.
    await journal.close()
    assert.equal(await errorCode(openJournal({ ...options, generation: 2 })), 'DISK_FULL')

    disk.remount('size=2m')
    const again = await openJournal({ ...options, generation: 2 })
    assert.equal(again.end, acknowledged.length)
    const read: string[] = []
    for await (const { records } of again.read(0)) {
      read.push(...records.map((record) => Buffer.from(record).toString()))
      if (read.length === again.end) break
    }
    assert.deepEqual(read, acknowledged)
    await again.close()

    disk.remount('ro')
    assert.equal(await errorCode(openJournal({ ...options, generation: 3 })), 'FILE_NOT_WRITABLE')
  },
)
