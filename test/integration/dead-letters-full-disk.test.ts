import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { machineClock } from '../../src/base/clock.ts'
import { DeadLetters } from '../../src/cluster/node/dead-letters.ts'
import { eventually } from '../support/eventually.ts'
import { noSmallDisk, SmallDisk } from '../support/small-disk.ts'

const count = 200

test(
  'dead letters wait for room on a full disk, by name, and all of them are in the file in the end',
  { skip: noSmallDisk },
  async (t) => {
    const disk = new SmallDisk(t)
    const ballast = join(disk.folder, 'ballast')
    writeFileSync(ballast, Buffer.alloc(800_000))
    const codes: string[] = []
    const lost: number[] = []
    const letters = new DeadLetters({
      folder: disk.folder,
      node: 'n',
      clock: machineClock,
      troubled: (_, error) => codes.push(error.code),
      lost: (_, number) => lost.push(number),
    })
    t.after(() => letters.close())
    const taken = new Set<number>()
    const error = { name: 'Error', message: 'no' }
    const write = (n: number): void => {
      const message = { n, text: ''.padEnd(3_000, '.') }
      const record = { component: 'c', instance: 0, port: 'in', message, error, timeMs: 1 }
      letters.write('net', record, () => taken.add(n))
    }
    const found = (): readonly number[] =>
      readFileSync(letters.fileOf('net'), 'utf8')
        .split('\n')
        .flatMap((line) => numberOf(line) ?? [])
    // In several batches, so that some are taken before the disk is full.
    for (let n = 0; n < count; n++) {
      write(n)
      if (n < 20) await eventually(`letter ${n} is taken`, () => taken.has(n))
    }
    await eventually('the disk is full', () => codes.includes('DISK_FULL'))
    assert.ok(taken.size < count, 'what is in no file does not count as taken')
    const there = new Set(found())
    assert.ok(
      [...taken].every((n) => there.has(n)),
      'what counts as taken is in the file',
    )
    rmSync(ballast)
    await eventually('all are taken', () => taken.size === count)
    assert.equal(new Set(found()).size, count)
    assert.deepEqual(lost, [])
    assert.deepEqual(new Set(codes), new Set(['DISK_FULL']))
  },
)

test('what a process that died has left within a line costs no letter of the next one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-letters-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const silent = { troubled: () => undefined, lost: () => undefined }
  const letters = new DeadLetters({ folder, node: 'n', clock: machineClock, ...silent })
  writeFileSync(letters.fileOf('net'), '{"message":{"n":')
  const error = { name: 'Error', message: 'no' }
  const record = { component: 'c', instance: 0, port: 'in', message: { n: 7 }, error, timeMs: 1 }
  letters.write('net', record, () => undefined)
  await letters.close()
  const lines = readFileSync(letters.fileOf('net'), 'utf8').split('\n')
  assert.deepEqual(
    lines.flatMap((line) => numberOf(line) ?? []),
    [7],
  )
})

/** Of a whole line; undefined for one that was cut when there was no room for the rest. */
function numberOf(line: string): number | undefined {
  try {
    return (JSON.parse(line) as { readonly message: { readonly n: number } }).message.n
  } catch {
    return undefined
  }
}
