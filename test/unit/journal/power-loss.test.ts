import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { type Random, seededRandom } from '../../../src/base/random.ts'
import type { JournalFile } from '../../../src/journal/disk.ts'
import { openJournal } from '../../../src/journal/open.ts'
import { bytes, makeFolder, recordsOf } from './support.ts'

/**
 * JN-1 and JN-4 where the whole machine ends: what was synced is on the disk, and of what was written since, any sectors may be. All that
 * the journal does with its segments is noted; then disks are made as they may be after each step, and opened.
 */

type Step =
  | { readonly kind: 'file'; readonly name: string; readonly content: Buffer }
  | { readonly kind: 'write'; readonly name: string; readonly offset: number; readonly content: Buffer }
  | { readonly kind: 'synced'; readonly name: string }
  | { readonly kind: 'acknowledged'; readonly position: number }

const sectorBytes = 512

function noting(steps: Step[]) {
  return async (path: string, flags: 'r' | 'r+'): Promise<JournalFile> => {
    const file = await open(path, flags)
    const name = basename(path)
    // Files are made whole and durable, before they are opened.
    if (flags === 'r+') steps.push({ kind: 'file', name, content: readFileSync(path) })
    const write = file.write.bind(file) as (
      ...given: unknown[]
    ) => Promise<{ bytesWritten: number; buffer: Buffer }>
    const datasync = file.datasync.bind(file)
    const noted = async (...given: unknown[]): Promise<{ bytesWritten: number; buffer: Buffer }> => {
      const [buffer, from, length, offset] = given as [Buffer, number, number, number]
      const content = Buffer.from(buffer.subarray(from, from + length))
      steps.push({ kind: 'write', name, offset, content })
      return write(...given)
    }
    file.write = noted as unknown as typeof file.write
    file.datasync = async () => {
      await datasync()
      steps.push({ kind: 'synced', name })
    }
    return file
  }
}

/** The files as they may be found after the steps. */
function diskAfter(steps: readonly Step[], random: Random): Map<string, Buffer> {
  const durable = new Map<string, Buffer>()
  const pending: Extract<Step, { kind: 'write' }>[] = []
  for (const step of steps) {
    if (step.kind === 'file') durable.set(step.name, step.content)
    else if (step.kind === 'write') pending.push(step)
    else if (step.kind === 'synced')
      for (let at = 0; at < pending.length;)
        if (pending[at]!.name === step.name) apply(durable, pending.splice(at, 1)[0]!, () => true)
        else at++
  }
  // All of it, none of it, or some.
  const part = [0, 1, 0.5, 0.9][random.int(4)]!
  for (const write of pending) apply(durable, write, () => random.next() < part)
  return durable
}

function apply(
  disk: Map<string, Buffer>,
  { name, offset, content }: Extract<Step, { kind: 'write' }>,
  has: () => boolean,
): void {
  let file = disk.get(name)!
  for (let at = 0; at < content.length;) {
    const end = Math.min(content.length, at + sectorBytes - ((offset + at) % sectorBytes))
    if (has()) {
      if (file.length < offset + end) file = Buffer.concat([file, Buffer.alloc(offset + end - file.length)])
      content.copy(file, offset + at, at, end)
    }
    at = end
  }
  disk.set(name, Buffer.from(file))
}

test('after the end of the machine, at any step, everything acknowledged is there, at its position', async (t) => {
  const seed = Date.now() % 1_000_000
  t.diagnostic(`seed ${seed}`)
  const random = seededRandom(seed)
  const steps: Step[] = []
  const texts: string[] = []
  const folder = makeFolder(t)
  const journal = await openJournal({
    folder,
    generation: 1,
    segmentBytesMax: 20_000,
    openFile: noting(steps),
  })
  for (let round = 0; round < 40; round++) {
    const appends = Array.from({ length: 1 + random.int(5) }, async () => {
      const text = `${texts.length}:`.padEnd(random.int(1_500), '.')
      texts.push(text)
      const position = await journal.append(bytes(text))
      steps.push({ kind: 'acknowledged', position })
    })
    await Promise.all(appends)
  }
  await journal.close()
  const files = new Set(steps.flatMap((step) => (step.kind === 'file' ? [step.name] : [])))
  assert.ok(files.size > 3, `${files.size} segments`)

  const place = makeFolder(t)
  let cut = 0
  for (let count = 1; count <= steps.length; count++)
    for (let trial = 0; trial < 2; trial++) {
      const before = steps.slice(0, count)
      const acknowledged = before.filter((step) => step.kind === 'acknowledged').length
      rmSync(place, { recursive: true, force: true })
      mkdirSync(place)
      for (const [name, content] of diskAfter(before, random)) writeFileSync(join(place, name), content)
      const opened = await openJournal({ folder: place, generation: 1 })
      const found = await recordsOf(opened)
      await opened.close()
      const where = `step ${count} of ${steps.length}`
      assert.ok(found.length >= acknowledged, `${found.length} of ${acknowledged} acknowledged, ${where}`)
      assert.deepEqual(found, texts.slice(0, found.length), where)
      if (found.length > acknowledged) cut++
    }
  t.diagnostic(`${steps.length * 2} disks, ${cut} with more than was acknowledged`)
})
