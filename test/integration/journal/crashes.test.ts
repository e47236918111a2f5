import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '../../../src/base/random.ts'
import type { Journal } from '../../../src/journal/journal.ts'
import { openJournal } from '../../../src/journal/open.ts'
import { errorCode } from '../../support/error-code.ts'
import { eventually } from '../../support/eventually.ts'

const script = fileURLToPath(new URL('child.ts', import.meta.url))

interface Child {
  readonly process: ChildProcess
  /** Acknowledged: position -> record. */
  readonly acknowledged: Map<number, string>
  opened: number | undefined
  failed: string | undefined
  readonly exited: Promise<unknown>
}

interface Told {
  readonly opened?: number
  readonly failed?: string
  readonly position?: number
  readonly text?: string
}

function makeFolder(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), 'vertigo-journal-'))
  t.after(() => rmSync(parent, { recursive: true, force: true }))
  return join(parent, 'journal')
}

function startWriter(t: TestContext, folder: string, generation: number, name: string): Child {
  const started = fork(script, [folder, String(generation), name], { execArgv: ['--conditions=vertigo-src'] })
  const child: Child = {
    process: started,
    acknowledged: new Map(),
    opened: undefined,
    failed: undefined,
    exited: once(started, 'exit'),
  }
  started.on('message', (message) => {
    const { opened, failed, position, text } = message as Told
    if (opened !== undefined) child.opened = opened
    if (failed !== undefined) child.failed = failed
    if (position !== undefined) child.acknowledged.set(position, text!)
  })
  t.after(async () => {
    started.kill('SIGKILL')
    await child.exited
  })
  return child
}

async function end(child: Child): Promise<void> {
  child.process.kill('SIGKILL')
  await child.exited
}

async function readAll(journal: Journal): Promise<string[]> {
  const texts: string[] = []
  for await (const { position, records } of journal.read(0)) {
    assert.equal(position, texts.length)
    texts.push(...records.map((record) => Buffer.from(record).toString()))
    if (texts.length === journal.end) break
  }
  return texts
}

function check(texts: readonly string[], children: readonly Child[]): void {
  assert.equal(new Set(texts).size, texts.length, 'no record is there twice')
  for (const { acknowledged } of children)
    for (const [position, text] of acknowledged) assert.equal(texts[position], text)
}

test('JN-1: writers killed at any moment, 20 times: what was acknowledged is there, at its position, once', async (t) => {
  const folder = makeFolder(t)
  const seed = Date.now() % 1_000_000
  t.diagnostic(`seed ${seed}`)
  const random = seededRandom(seed)
  const children: Child[] = []
  for (let kill = 0; kill < 20; kill++) {
    // Often the same generation again: the one that was killed is no more.
    const child = startWriter(t, folder, 1 + Math.floor(kill / 4), `w${kill}`)
    children.push(child)
    const few = random.int(1_000)
    await eventually(`writer ${kill} opens the journal (${child.failed})`, () => child.opened !== undefined)
    await eventually(`writer ${kill} has ${few} appends acknowledged`, () => child.acknowledged.size >= few)
    await end(child)
  }
  const journal = await openJournal({ folder, generation: 99 })
  const texts = await readAll(journal)
  await journal.close()
  check(texts, children)
  const acknowledged = children.reduce((sum, child) => sum + child.acknowledged.size, 0)
  t.diagnostic(`${acknowledged} acknowledged, ${texts.length} there`)
  assert.ok(texts.length >= acknowledged)
})

test('JN-3: a living writer is taken over by a newer generation, again and again', async (t) => {
  const folder = makeFolder(t)
  const children: Child[] = []
  for (let generation = 1; generation <= 12; generation++) {
    const child = startWriter(t, folder, generation, `g${generation}`)
    const before = children.at(-1)
    children.push(child)
    await eventually(
      `generation ${generation} has appends acknowledged`,
      () => child.acknowledged.size >= 300,
    )
    if (before === undefined) continue
    await eventually(`generation ${generation - 1} learns of it`, () => before.failed)
    assert.equal(before.failed, 'JOURNAL_SEALED')
    for (const position of before.acknowledged.keys()) assert.ok(position < child.opened!)
  }
  assert.equal(await errorCode(openJournal({ folder, generation: 12 })), 'JOURNAL_IN_USE')
  await end(children.at(-1)!)
  const journal = await openJournal({ folder, generation: 12 })
  check(await readAll(journal), children)
  await journal.close()
})

test('JN-3: a writer that was stopped and goes on after it was taken over acknowledges nothing more', async (t) => {
  const folder = makeFolder(t)
  for (let round = 0; round < 8; round++) {
    const child = startWriter(t, folder, round * 2 + 1, `r${round}`)
    await eventually('the writer has appends acknowledged', () => child.acknowledged.size >= 50 + round * 17)
    child.process.kill('SIGSTOP')
    assert.equal(await errorCode(openJournal({ folder, generation: round * 2 + 1 })), 'JOURNAL_IN_USE')
    const journal = await openJournal({ folder, generation: round * 2 + 2 })
    const sealedAt = journal.end
    const own = await journal.append(Buffer.from(`own ${round}`))
    assert.equal(own, sealedAt)
    child.process.kill('SIGCONT')
    await eventually('the writer learns that it was taken over', () => child.failed)
    assert.equal(child.failed, 'JOURNAL_SEALED')
    for (const position of child.acknowledged.keys())
      assert.ok(
        position < sealedAt,
        `position ${position} was acknowledged, the journal was sealed at ${sealedAt}`,
      )
    check(await readAll(journal), [child])
    await journal.close()
  }
})
