import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { machineClock, sleep, systemClock } from '../../../src/base/clock.ts'
import { acquireEnvironment } from '../../../src/store/lmdb/environment.ts'
import { checkDataFile } from '../../../src/store/lmdb/folder.ts'
import { openLmdbStore, type LmdbStoreOptions } from '../../../src/store/lmdb/open.ts'
import type { Store, Watch, WatchBatch } from '../../../src/store/store.ts'
import { within } from '../../support/eventually.ts'
import { patienceMs, patient } from '../../support/store/patient-store.ts'

export type Work =
  | 'increment'
  | 'stop-inside'
  | 'write-inside'
  | 'busy-inside'
  | 'busy-when-told'
  | 'open'
  | 'hold-lease'
  | 'watch'
  | 'open-and-close'
  | 'open-inside'
  | 'open-often'
  | 'reopen-often'
  | 'claim'

/** What a child tells: a word, and a number where that says something. */
export interface Told {
  readonly word: string
  readonly count?: number
}

export interface Child {
  readonly process: ChildProcess
  readonly told: Told[]
  /** Resolves with the first message with this word, also one that came before. */
  hear(word: string): Promise<Told>
  /** Waits until `look` gives something; rejects as soon as the child has ended, and says how. */
  until<T>(what: string, look: () => T | undefined): Promise<T>
  readonly exited: Promise<number | NodeJS.Signals>
  kill(signal: NodeJS.Signals): void
}

const script = fileURLToPath(new URL('child.ts', import.meta.url))
/** For whatever is waited for. */
export const deadlineMs = patienceMs
/** Of the lease of `hold-lease`. */
export const heldTtlMs = 600_000
/** Of a lease that is ended by a clock that is moved: what may pass by itself. */
export const restMs = 60_000

export function makeFolder(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), 'vertigo-store-'))
  t.after(() => rmSync(parent, { recursive: true, force: true }))
  return join(parent, 'store')
}

/**
 * Makes a store of which the file is too short: the pages of what is deleted in the commit that put it are never written.
 * Whoever opens it lets it be read first.
 */
export async function makeShort(folder: string): Promise<void> {
  const { keys, root, release } = await acquireEnvironment(folder, machineClock)
  const names = Array.from({ length: 50 }, (_, index) => Buffer.from(`key/${index}`))
  const large = Buffer.from('large')
  await root.transaction(() => names.forEach((name) => keys.putSync(name, Buffer.alloc(2_000))))
  // Gives LMDB pages to keep its own books in, which come before those that are not written.
  await root.transaction(() => names.forEach((name) => keys.removeSync(name)))
  // Takes a while to read.
  await root.transaction(() => names.forEach((name) => keys.putSync(name, Buffer.alloc(400_000))))
  await root.transaction(() => {
    keys.putSync(large, Buffer.alloc(1_000_000))
    keys.removeSync(large)
  })
  await release()
  assert.deepEqual(checkDataFile(join(folder, 'data.mdb')), { isShort: true })
}

/** Waits as long as whoever waits for it: a disk that does other things for some seconds first is none of its faults. */
export async function openPatiently(folder: string, options: Partial<LmdbStoreOptions> = {}): Promise<Store> {
  return patient(await openLmdbStore({ folder, openTimeoutMs: patienceMs, ...options }))
}

export async function openStore(
  t: TestContext,
  folder: string,
  options: Partial<LmdbStoreOptions> = {},
): Promise<Store> {
  const store = await openPatiently(folder, options)
  t.after(() => store.close())
  return store
}

/** `command`: what the child's command begins with. */
export function startChild(
  t: TestContext,
  work: Work,
  folder: string,
  command: readonly string[] = [],
): Child {
  const [execPath, ...args] = [...command, process.execPath]
  const execArgv = [...args, '--conditions=vertigo-src']
  const child = fork(script, [work, folder], { execPath, execArgv, stdio: 'inherit' })
  const told: Told[] = []
  child.on('message', (message) => told.push(message as Told))
  const exited = once(child, 'exit').then(([code, signal]) => (signal ?? code) as number | NodeJS.Signals)
  t.after(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const untilHere = <T>(what: string, look: () => T | undefined): Promise<T> =>
    until(`the child (${work}) ${what}`, () => {
      const found = look()
      // What it said before comes until then.
      const end = child.connected ? null : (child.signalCode ?? child.exitCode)
      if (!found && end !== null) throw new Error(`the child (${work}) has ended (${end}) before it ${what}`)
      return found
    })
  const hear = (word: string): Promise<Told> =>
    untilHere(`says "${word}"`, () => told.find((message) => message.word === word))
  return { process: child, told, hear, until: untilHere, exited, kill: (signal) => void child.kill(signal) }
}

/** Waits until `look` gives something; after a minute it rejects and says what did not happen. */
export async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const endMs = performance.now() + deadlineMs
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > endMs) throw new Error(`it did not happen within ${deadlineMs} ms that ${what}`)
    await sleep(systemClock, 5)
  }
}

export function isStopped(child: Child): boolean {
  return /\) T /.test(readFileSync(`/proc/${child.process.pid}/stat`, 'utf8'))
}

/** Also when the timers that are due have run. */
export async function isThere(store: Store, key: string): Promise<void> {
  await sleep(machineClock, 100)
  // Whoever commits ends what is over.
  await store.transact({ then: [{ type: 'put', key: 'other', value: Buffer.from('v') }] })
  assert.ok((await store.get(key)).entry !== undefined)
}

/** The value of a counter. */
export async function countOf(store: Store, key: string): Promise<number> {
  const { entry } = await store.get(key)
  return entry === undefined ? 0 : Number(Buffer.from(entry.value).toString())
}

/** Adds one, whoever else does so; the number that it became. */
export async function increment(store: Store, key: string): Promise<number> {
  for (;;) {
    const { entry } = await store.get(key)
    const next = entry === undefined ? 1 : Number(Buffer.from(entry.value).toString()) + 1
    const { succeeded } = await store.transact({
      compare: [{ key, target: 'modRevision', is: '=', than: entry?.modRevision ?? 0 }],
      then: [{ type: 'put', key, value: Buffer.from(String(next)) }],
    })
    if (succeeded) return next
  }
}

/** Gives the next batch of a watch, each time it is called. */
export function batchesOf(watch: Watch): () => Promise<WatchBatch> {
  const batches = watch[Symbol.asyncIterator]()
  return async () => {
    const next = await within('the watch tells something', deadlineMs, batches.next())
    if (next.done === true) throw new Error('the watch has ended')
    return next.value
  }
}
