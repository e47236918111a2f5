import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { type JournalLine, journalText } from './journal-lines.ts'
import { Journal } from './journal.ts'

/** The journal's checks find what they are there for. */

function journal(t: TestContext, lines: readonly JournalLine[]): Journal {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-journal-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const made = new Journal(join(folder, 'journal'))
  write(made, lines)
  return made.read()
}

function write({ path }: Journal, lines: readonly JournalLine[], pid = 1): void {
  for (const line of lines) appendFileSync(path, journalText(pid, line))
}

const born = (name: string, at: number): JournalLine => ({
  type: 'born',
  life: `${name}#${at}`,
  name,
  pid: 1,
  tMs: at,
})
const gets = (from: string, n: number, tMs: number): JournalLine => ({
  type: 'gets',
  life: 'end[0]#2',
  message: { from, n, atMs: tMs, path: ['tick[0]'] },
  tMs,
})
const emits = (life: string, tMs: number): JournalLine => ({ type: 'emits', life, n: 0, tMs })
const three = [born('tick[0]', 1), born('end[0]', 2), born('tick[0]', 3)]

test('a gap, a double, a late beginning and a return to an earlier life are found', (t) => {
  const [old, next] = ['tick[0]#1', 'tick[0]#3'] as const
  journal(t, [...three, gets(old, 4, 5), gets(old, 5, 6), gets(next, 0, 7), gets(next, 1, 8)]).checkChannels()
  const faults: readonly (readonly [readonly JournalLine[], RegExp])[] = [
    [[gets(old, 4, 5), gets(old, 6, 6)], /what follows 4/],
    [[gets(old, 4, 5), gets(old, 4, 6)], /what follows 4/],
    [[gets(next, 1, 5)], /begins at 0/],
    [[gets(old, 4, 5), gets(next, 0, 6), gets(old, 5, 7)], /goes back/],
    [[], /something was sent/],
  ]
  for (const [lines, expected] of faults)
    assert.throws(() => journal(t, [...three, ...lines]).checkChannels(), expected)
})

test('two lives that emit at the same time are found', (t) => {
  const [old, next] = ['tick[0]#1', 'tick[0]#3'] as const
  journal(t, [...three, emits(old, 4), emits(old, 5), emits(next, 6)]).checkOneEmitter()
  assert.throws(
    () => journal(t, [...three, emits(old, 4), emits(next, 5), emits(old, 6)]).checkOneEmitter(),
    /while tick\[0\]#1 still did/,
  )
})

test('ways that messages have come by are those after a moment', (t) => {
  const made = journal(t, [...three, gets('tick[0]#1', 0, 5), gets('tick[0]#1', 1, 9)])
  assert.deepEqual([...made.pathsSince(4)], ['tick[0] end[0]'])
  assert.deepEqual([...made.pathsSince(9)], [])
  assert.equal(made.firstOfAllMs(4), 5)
})

test('what is missing is found, of those who lived before and live still', (t) => {
  const [old, next] = ['tick[0]#1', 'tick[0]#3'] as const
  const lines = [...three, emits(old, 4), gets(old, 0, 5), emits(next, 6), gets(next, 0, 7)]
  assert.deepEqual(journal(t, lines).missing(3, 9), [])
  const more: JournalLine = { type: 'emits', life: old, n: 1, tMs: 8 }
  assert.deepEqual(journal(t, [...lines, more]).missing(3, 9), ['tick[0]#1 -> end[0]#2: 0 of 1'])
  assert.deepEqual(journal(t, [...lines, more]).missing(3, 7), [], 'not yet')
  assert.deepEqual(journal(t, [...lines, more]).missing(1, 9), [], 'end[0]#2 was not there yet')
  assert.deepEqual(journal(t, [...lines, more, born('end[0]', 9)]).missing(3, 9), [], 'it is no more')
  const { pid } = journal(t, lines).born.get(old)!
  assert.deepEqual(journal(t, [...lines, more]).missing(3, 9, new Set([pid])), [], 'it was fenced')
})

test('a return to an earlier life is no fault where that one drains', (t) => {
  const [old, next] = ['tick[0]#1', 'tick[0]#3'] as const
  journal(t, [...three, gets(old, 4, 5), gets(next, 0, 6), gets(old, 5, 7)]).checkChannels({ drains: true })
})

/** Of a process that is killed while it writes. */
function writeCut({ path }: Journal, pid: number, length?: number): void {
  appendFileSync(path, journalText(pid, gets('tick[0]#1', 0, 5)).slice(0, length ?? 60))
}

test('a line that is cut by the end of its process takes no other one along', (t) => {
  const from = 'tick[0]#1'
  for (const length of [0, 1, 2, 9, 12, 60, journalText(7, gets(from, 0, 5)).length - 1]) {
    const made = journal(t, [...three, gets(from, 0, 5)])
    writeCut(made, 7, length)
    // All of them come with one look, as where the reader is slower than the writers.
    write(made, [gets(from, 1, 6), gets(from, 2, 7)])
    const isWhole = length > 60
    if (isWhole)
      assert.throws(() => made.read().checkChannels(), /what follows 0/, 'it is there, and a double')
    else made.read().checkChannels()
    assert.equal(made.gets.length, isWhole ? 4 : 3)
    assert.equal(made.cut.length, length > 1 && !isWhole ? 1 : 0)
    write(made, [gets(from, 4, 8)])
    if (!isWhole)
      assert.throws(() => made.read().checkChannels(), /what follows 2/, 'gaps are found as before')
  }
})

test('a cut line of a process that lives on, and what is no line, are faults', (t) => {
  const one = journal(t, three)
  writeCut(one, 7)
  write(one, [gets('tick[0]#1', 0, 5)], 7)
  assert.throws(() => one.read().checkChannels(), /process 7 lives on/)
  const other = journal(t, [...three, gets('tick[0]#1', 0, 5)])
  appendFileSync(other.path, 'rubbish\n')
  assert.throws(() => other.read().checkChannels(), /no line begins like rubbish/)
})

test('reading goes on behind what it could not read', (t) => {
  const made = journal(t, three)
  writeCut(made, 7)
  write(made, [gets('tick[0]#1', 0, 5)])
  made.read()
  write(made, [gets('tick[0]#1', 1, 6)])
  made.read().checkChannels()
  assert.deepEqual(
    made.gets.map(({ message }) => message.n),
    [0, 1],
  )
})
