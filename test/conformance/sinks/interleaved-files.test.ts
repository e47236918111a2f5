import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  compareSinkSnapshots,
  type Sink,
  type SinkBatch,
  type SinkSnapshot,
} from '../../../src/component/index.ts'
import { publishingFile } from '../../../src/connectors/file/publishing-sink.ts'
import { outside, SteppedProcess, stepCalls } from '../../support/stepped-calls.ts'

/**
 * Two instances of one writer, of which the older one does not know that it was replaced: it stands still before each of its calls of the
 * operating system in turn, and goes on before each call of its successor in turn. Whatever the two do when, what is to be seen in the
 * end, and in a third life, is what was committed.
 */
const writer = 'test/net/out/0'
const snapshot = (id: number): SinkSnapshot => ({ incarnation: 1, id })

interface Way {
  readonly name: string
  readonly parts: boolean
  readonly append: boolean
  /** The file has this before. */
  readonly before?: string
}

const ways: readonly Way[] = [
  { name: 'a file that grows', parts: false, append: false, before: 'of somebody else\n' },
  { name: 'a file that is appended to', parts: false, append: true, before: 'before\n' },
  { name: 'parts that a loader takes away', parts: true, append: false },
]

/** One folder, with the file or the parts in it. */
class Place {
  readonly way: Way
  readonly folder: string
  readonly path: string
  /** By name, as the loader has taken them. */
  private readonly taken = new Map<string, string>()

  constructor(way: Way, folder: string) {
    this.way = way
    this.folder = folder
    this.path = join(folder, 'out.txt')
  }

  async set(): Promise<void> {
    await mkdir(this.folder)
    if (this.way.before !== undefined) await writeFile(this.path, this.way.before)
  }

  /** A loader takes what it sees. Not a part of any process. */
  async load(): Promise<void> {
    if (!this.way.parts) return
    for (const name of await readdir(this.folder)) {
      if (name.startsWith('.')) continue
      assert.ok(!this.taken.has(name), `${name} has come twice`)
      const to = join(this.folder, `.taken-${name}`)
      await rename(join(this.folder, name), to)
      this.taken.set(name, await readFile(to, 'utf8'))
    }
  }

  /** All that was ever to be seen. */
  async seen(): Promise<string> {
    if (!this.way.parts) return readFile(this.path, 'utf8')
    await this.load()
    const names = [...this.taken.keys()].toSorted()
    return names.map((name) => this.taken.get(name)).join('')
  }
}

interface Restored {
  readonly since: number
  readonly published?: SinkSnapshot
  readonly staged: readonly SinkBatch[]
}

/** An instance, as the engine calls it. */
class Life {
  private readonly place: Place
  private readonly sink: Sink
  private readonly receive: (message: unknown) => void

  private constructor(place: Place, sink: Sink, receive: (message: unknown) => void) {
    this.place = place
    this.sink = sink
    this.receive = receive
  }

  static async begin(place: Place, restored?: Restored): Promise<Life> {
    const { append, parts } = place.way
    const use = { path: place.path, component: 'out', field: 'path', for: 'writing' } as const
    const paths = [place.path]
    const options = { use, paths, writer, format: 'text', columns: undefined, append, parts } as const
    const { sink, on, ready } = await publishingFile(options)
    const life = new Life(place, sink, (message) => on.in(message))
    if (restored !== undefined) {
      const has = await life.sink.recover(writer, restored.published, snapshot(restored.since))
      for (const batch of restored.staged)
        if (has === undefined || compareSinkSnapshots(batch.snapshot, has) > 0) await life.commit(batch)
    }
    await ready()
    return life
  }

  async prepare(id: number): Promise<SinkBatch> {
    this.receive(textOf(id))
    const staged = await this.sink.prepare(snapshot(id))
    return { writer, snapshot: snapshot(id), staged }
  }

  async commit(batch: SinkBatch): Promise<void> {
    await this.sink.commit(batch)
    await outside(() => this.place.load())
  }
}

const first = 11
const textOf = (id: number): string => `of snapshot ${id}`
const lines = (...ids: readonly number[]): string => ids.map((id) => `${textOf(id)}\n`).join('')

async function inFolder(t: TestContext, body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'vertigo-interleaved-'))
  t.after(() => rm(folder, { recursive: true }))
  stepCalls(t)
  await body(folder)
}

interface Walked {
  readonly old: SteppedProcess
  readonly next: SteppedProcess
}

/** Of pairs of calls, one in so many: each call of either is among them. With `INTERLEAVINGS=all` in the environment, each pair, for a quarter of an hour. */
const every = process.env['INTERLEAVINGS'] === 'all' ? 1 : 9

/** `run` of pairs of calls that the two stop before; with as many as they have. */
async function walk(t: TestContext, run: (processes: Walked, name: string) => Promise<void>): Promise<void> {
  let runs = 0
  for (let oldAt = 0, isOver = false; !isOver; oldAt++)
    for (let nextAt = oldAt % every, isNextOver = false; !isNextOver; nextAt += every) {
      const processes = { old: new SteppedProcess(oldAt), next: new SteppedProcess(nextAt) }
      await run(processes, `${oldAt}-${nextAt}`).catch((error: unknown) => {
        const { old, next } = processes
        throw new Error(`${oldAt}: ${old.before}; ${nextAt}: ${next.before}`, { cause: error })
      })
      runs++
      isOver = processes.old.calls <= oldAt
      isNextOver = processes.next.calls <= nextAt
    }
  t.diagnostic(`${runs} interleavings`)
}

/** The old one stops; the next one begins, and stops; the old one goes on to its end; the next one does. */
async function interleave(
  { old, next }: Walked,
  ofOld: () => Promise<void>,
  ofNext: () => Promise<void>,
): Promise<void> {
  const oldWork = old.run(ofOld)
  await old.stands(oldWork)
  const nextWork = next.run(ofNext)
  await next.stands(nextWork)
  old.release()
  await oldWork
  next.release()
  await nextWork
}

for (const way of ways)
  test(`${way.name}: one that was replaced stops before any call, and goes on before any call of its successor`, (t) =>
    inFolder(t, async (folder) => {
      await walk(t, async (processes, name) => {
        const place = new Place(way, join(folder, name))
        await place.set()
        const replaced = await Life.begin(place)
        const staged = [await replaced.prepare(first), await replaced.prepare(first + 1)]
        let last: SinkBatch | undefined
        await interleave(
          processes,
          async () => {
            for (const batch of staged) await replaced.commit(batch)
          },
          async () => {
            const successor = await Life.begin(place, { since: first, staged })
            last = await successor.prepare(first + 2)
            await successor.commit(last)
          },
        )
        const before = way.append ? way.before! : ''
        assert.equal(await place.seen(), before + lines(first, first + 1, first + 2))
        const restored = { since: first, published: snapshot(first + 1), staged: [last!] }
        const third = await Life.begin(place, restored)
        await third.commit(await third.prepare(first + 3))
        assert.equal(await place.seen(), before + lines(first, first + 1, first + 2, first + 3))
      })
    }))

for (const published of [0, 1])
  test(`a run that is over, with ${published} of 2 pieces published, stops before any call, and goes on before any call of a fresh one`, (t) =>
    inFolder(t, async (folder) => {
      await walk(t, async (processes, name) => {
        const place = new Place(ways[0]!, join(folder, name))
        await place.set()
        const over = await Life.begin(place)
        const staged = [await over.prepare(first), await over.prepare(first + 1)]
        for (const batch of staged.slice(0, published)) await over.commit(batch)
        let last: SinkBatch | undefined
        await interleave(
          processes,
          async () => {
            for (const batch of staged.slice(published)) await over.commit(batch)
          },
          async () => {
            const fresh = await Life.begin(place)
            await fresh.commit(await fresh.prepare(first + 2))
            last = await fresh.prepare(first + 3)
            await fresh.commit(last)
          },
        )
        assert.equal(await place.seen(), lines(first + 2, first + 3))
        const restored = { since: first + 2, published: snapshot(first + 2), staged: [last!] }
        const third = await Life.begin(place, restored)
        await third.commit(await third.prepare(first + 4))
        assert.equal(await place.seen(), lines(first + 2, first + 3, first + 4))
      })
    }))
