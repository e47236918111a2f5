import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openJournal } from '../../../src/journal/open.ts'
import { errorCode } from '../../support/error-code.ts'

const isRoot = process.getuid?.() === 0
const skip =
  process.platform !== 'linux' || !isRoot ? 'a small file system can be mounted as root on Linux only' : false

test(
  'a full disk is told by name; with room again the journal goes on, and nothing acknowledged is lost',
  { skip },
  async (t) => {
    const home = mkdtempSync(join(tmpdir(), 'vertigo-full-'))
    const disk = join(home, 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
    t.after(() => {
      execFileSync('umount', ['-l', disk])
      rmSync(home, { recursive: true, force: true })
    })
    const folder = join(disk, 'journal')
    const ballast = join(disk, 'ballast')
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

    execFileSync('mount', ['-o', 'remount,size=2m', disk])
    const again = await openJournal({ ...options, generation: 2 })
    assert.equal(again.end, acknowledged.length)
    const read: string[] = []
    for await (const { records } of again.read(0)) {
      read.push(...records.map((record) => Buffer.from(record).toString()))
      if (read.length === again.end) break
    }
    assert.deepEqual(read, acknowledged)
    await again.close()

    execFileSync('mount', ['-o', 'remount,ro', disk])
    assert.equal(await errorCode(openJournal({ ...options, generation: 3 })), 'FILE_NOT_WRITABLE')
  },
)
