import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { frameHeadBytes } from '../../../src/journal/frame.ts'
import { openJournal } from '../../../src/journal/open.ts'
import { markOffsets, nextOffset, segmentHeadBytes } from '../../../src/journal/segment-head.ts'
import { errorCode } from '../../support/error-code.ts'
import { appendAll, bytes, makeFolder, numbers, openFor, recordsOf } from './support.ts'

/** JN-4: a write that was cut short is cut off; everything else that is not as it was written is noticed. */

const options = { segmentBytesMax: 4_700 }
const count = 90

const segmentsIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.segment'))
    .toSorted()

/** A journal of several segments, as its writer leaves it that is killed: every record acknowledged, nothing closed. */
async function makeKilled(t: TestContext): Promise<string> {
  const folder = makeFolder(t)
  const journal = await openFor(t, folder, options)
  for (let at = 0; at < count; at += 5) await appendAll(journal, numbers(at, at + 5))
  const copy = `${folder}-copy`
  cpSync(folder, copy, { recursive: true })
  // Its owner counts as one that has ended.
  for (const name of readdirSync(copy)) if (name.startsWith('owner-')) truncateSync(join(copy, name), 0)
  assert.ok(segmentsIn(copy).length >= 3)
  return copy
}

/** What somebody gets who opens the journal and reads all of it. */
async function openAndRead(folder: string, generation = 1): Promise<string> {
  let journal
  try {
    journal = await openJournal({ folder, generation, ...options })
    const records = await recordsOf(journal)
    return records.join() === numbers(0, count).join() ? 'everything' : `${records.length} records`
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error)
  } finally {
    await journal?.close()
  }
}

/** Gives each trial the same journal anew. */
function trials(t: TestContext, original: string): () => string {
  const folder = makeFolder(t)
  return () => {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    for (const name of readdirSync(original)) copyFileSync(join(original, name), join(folder, name))
    return folder
  }
}

test('a killed writer’s journal gives everything that was acknowledged', async (t) => {
  assert.equal(await openAndRead(await makeKilled(t)), 'everything')
})

test('a flipped bit in any byte that says something is noticed, in the first, a middle and the last segment', async (t) => {
  const original = await makeKilled(t)
  const fresh = trials(t, original)
  const names = segmentsIn(original)
  for (const name of [names[0]!, names[1]!, names.at(-1)!]) {
    const size = statSync(join(original, name)).size
    const content = readFileSync(join(original, name))
    // The head; all that is written of marks and the segment behind; frames: heads whole, records in steps.
    const offsets = [
      ...Array.from({ length: 60 }, (_, offset) => offset),
      ...[...markOffsets, nextOffset].flatMap((at) =>
        content.subarray(at, at + 20).every((byte) => byte === 0)
          ? []
          : Array.from({ length: 20 }, (_, offset) => at + offset),
      ),
      ...Array.from({ length: frameHeadBytes + 8 }, (_, offset) => segmentHeadBytes + offset),
      ...Array.from(
        { length: Math.ceil((size - segmentHeadBytes) / 11) },
        (_, step) => segmentHeadBytes + step * 11,
      ),
      size - 1,
    ]
    for (const offset of offsets) {
      const folder = fresh()
      const damaged = Buffer.from(content)
      damaged[offset]! ^= 1 << (offset % 8)
      writeFileSync(join(folder, name), damaged)
      const answer = await openAndRead(folder)
      // The number of the format says that it is newer, where the checksum would fit; it does not.
      assert.equal(answer, 'JOURNAL_CORRUPT', `byte ${offset} of ${name}`)
    }
  }
})

test('a file that is cut off anywhere, or missing, is noticed', async (t) => {
  const original = await makeKilled(t)
  const fresh = trials(t, original)
  for (const name of segmentsIn(original)) {
    const { size } = statSync(join(original, name))
    for (const length of [
      0,
      7,
      60,
      600,
      1_100,
      4_000,
      segmentHeadBytes,
      segmentHeadBytes + 10,
      size - 40,
      size - 1,
    ]) {
      const folder = fresh()
      truncateSync(join(folder, name), length)
      assert.equal(await openAndRead(folder), 'JOURNAL_CORRUPT', `${name} cut to ${length} of ${size} bytes`)
    }
    const folder = fresh()
    rmSync(join(folder, name))
    assert.equal(await openAndRead(folder), 'JOURNAL_CORRUPT', `${name} is missing`)
  }
})

test('segments that were replaced by others, or mixed up, are noticed', async (t) => {
  const original = await makeKilled(t)
  const another = await makeKilled(t)
  const fresh = trials(t, original)
  const names = segmentsIn(original)
  for (const name of names) {
    const mixed = fresh()
    copyFileSync(join(another, name), join(mixed, name))
    assert.equal(await openAndRead(mixed), 'JOURNAL_CORRUPT', `${name} of another journal`)
  }
  const swapped = fresh()
  copyFileSync(join(original, names[0]!), join(swapped, names[1]!))
  assert.equal(await openAndRead(swapped), 'JOURNAL_CORRUPT')
})

test('what was released is not missed; its note is', async (t) => {
  const folder = makeFolder(t)
  const journal = await openFor(t, folder, options)
  for (let at = 0; at < count; at += 5) await appendAll(journal, numbers(at, at + 5))
  await journal.release(60)
  await journal.close()
  const fresh = trials(t, folder)
  const reopened = await openJournal({ folder: fresh(), generation: 1 })
  assert.deepEqual(await recordsOf(reopened), numbers(60, count))
  await reopened.close()

  for (const damage of [
    (path: string) => rmSync(path),
    (path: string) => truncateSync(path, 5),
    (path: string) => writeFileSync(path, Buffer.alloc(12, 7)),
  ]) {
    const damaged = fresh()
    damage(join(damaged, 'released-1'))
    assert.equal(await errorCode(openJournal({ folder: damaged, generation: 1 })), 'JOURNAL_CORRUPT')
  }
  const withoutFirst = fresh()
  rmSync(join(withoutFirst, segmentsIn(withoutFirst)[0]!))
  assert.equal(await errorCode(openJournal({ folder: withoutFirst, generation: 1 })), 'JOURNAL_CORRUPT')
})

test('a damaged file of the owner is noticed, and nobody takes the journal over by it', async (t) => {
  const folder = makeFolder(t)
  const journal = await openFor(t, folder, options)
  await appendAll(journal, numbers(0, count))
  const fresh = trials(t, folder)
  // Its owner is there.
  assert.equal(await openAndRead(fresh()), 'JOURNAL_IN_USE')

  const name = 'owner-1'
  const whole = readFileSync(join(folder, name))
  const isNoticed = async (content: Uint8Array, what: string): Promise<void> => {
    const damaged = fresh()
    writeFileSync(join(damaged, name), content)
    assert.equal(await openAndRead(damaged), 'JOURNAL_CORRUPT', what)
    assert.equal(await openAndRead(damaged, 2), 'JOURNAL_CORRUPT', `${what}, to a newer generation`)
    assert.ok(readFileSync(join(damaged, name)).equals(content), 'it is left as it is')
  }
  for (let at = 0; at < whole.length; at++) {
    const flipped = Buffer.from(whole)
    flipped[at]! ^= 1 << (at % 8)
    await isNoticed(flipped, `byte ${at}`)
    if (at > 0) await isNoticed(whole.subarray(0, at), `${at} bytes`)
  }
  for (const more of [Buffer.alloc(1), Buffer.from('\n'), whole])
    await isNoticed(Buffer.concat([whole, more]), `${more.length} bytes more`)
  await isNoticed(Buffer.alloc(whole.length), 'nothing but zeros')

  // The way out that is named.
  const without = fresh()
  rmSync(join(without, name))
  assert.equal(await openAndRead(without), 'everything')
})

test('a write that was cut short anywhere is cut off, and the journal goes on in its place', async (t) => {
  const original = await makeKilled(t)
  const fresh = trials(t, original)
  const last = segmentsIn(original).at(-1)!
  const before = readFileSync(join(original, last))
  // One more write as the disk would have got it, which was never acknowledged.
  const whole = await frameBehind(t, original)
  for (let length = 1; length < whole.length; length++) {
    const folder = fresh()
    writeFileSync(join(folder, last), Buffer.concat([before, whole.subarray(0, length)]))
    const journal = await openJournal({ folder, generation: 1, ...options })
    assert.equal(journal.end, count, `${length} bytes of a write`)
    await appendAll(journal, numbers(count, count + 3))
    assert.deepEqual(await recordsOf(journal), numbers(0, count + 3))
    await journal.close()
  }
  for (const rest of [Buffer.alloc(3_000), Buffer.alloc(3_000, 0xff), whole.subarray(40)]) {
    const folder = fresh()
    appendFileSync(join(folder, last), rest)
    assert.equal(await openAndRead(folder), 'everything')
  }
})

test('a write that was cut short, with a later one behind it, is damage', async (t) => {
  const original = await makeKilled(t)
  const folder = trials(t, original)()
  const last = join(folder, segmentsIn(folder).at(-1)!)
  const content = readFileSync(last)
  // Without the marks, as after the end of a machine that had not written them.
  for (const at of markOffsets) content.fill(0, at, at + 20)
  const damaged = Buffer.from(content)
  damaged[segmentHeadBytes + frameHeadBytes + 6]! ^= 4
  writeFileSync(last, damaged)
  assert.equal(await openAndRead(folder), 'JOURNAL_CORRUPT')
})

test('a format of a newer version is refused by name', async (t) => {
  const { crc32 } = await import('node:zlib')
  const folder = await makeKilled(t)
  const last = join(folder, segmentsIn(folder).at(-1)!)
  const content = readFileSync(last)
  content.writeUInt32LE(2, 4)
  content.writeUInt32LE(crc32(content.subarray(0, 56)), 56)
  writeFileSync(last, content)
  assert.equal(await errorCode(openJournal({ folder, generation: 1 })), 'JOURNAL_FORMAT_NEWER')
})

test('JN-6: a failed sync is final, and opening the journal anew reads what was acknowledged', async (t) => {
  const folder = makeFolder(t)
  let failing = false
  const journal = await openJournal({
    folder,
    generation: 1,
    async openFile(path, flags) {
      const file = await open(path, flags)
      const datasync = file.datasync.bind(file)
      file.datasync = async () => {
        if (failing) throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })
        return datasync()
      }
      return file
    },
  })
  await appendAll(journal, numbers(0, 10))
  const reading = journal.read(10).next()
  failing = true
  assert.equal(await errorCode(journal.append(bytes('lost'))), 'JOURNAL_FAILED')
  failing = false
  assert.equal(await errorCode(journal.append(bytes('later'))), 'JOURNAL_FAILED')
  assert.equal(await errorCode(reading), 'JOURNAL_FAILED')
  await journal.close()
  const again = await openFor(t, folder)
  assert.deepEqual((await recordsOf(again)).slice(0, 10), numbers(0, 10))
})

/** The bytes by which the journal's last segment would grow with one more write. */
async function frameBehind(t: TestContext, original: string): Promise<Buffer> {
  const folder = trials(t, original)()
  const last = join(folder, segmentsIn(folder).at(-1)!)
  const { FrameReader } = await import('../../../src/journal/frame-reader.ts')
  const { Group } = await import('../../../src/journal/group.ts')
  const { readSegmentHead } = await import('../../../src/journal/segment-head.ts')
  const read = readSegmentHead(readFileSync(last))
  assert.ok(read.kind === 'sound')
  const group = new Group()
  for (const text of numbers(count, count + 4))
    group.add(
      bytes(text),
      () => undefined,
      () => undefined,
    )
  const frame = group.seal(count, read.salt)
  // It is a frame that would be read.
  appendFileSync(last, frame)
  const file = await open(last, 'r')
  try {
    const frames = new FrameReader(file, read.salt, segmentHeadBytes)
    const step = await frames.next(statSync(last).size, count)
    assert.ok(step.kind === 'frame' && step.position === count)
  } finally {
    await file.close()
  }
  return Buffer.from(frame)
}
