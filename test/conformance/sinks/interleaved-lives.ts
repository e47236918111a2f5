import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import {
  compareSinkSnapshots,
  type Sink,
  type SinkBatch,
  type SinkSnapshot,
} from '../../../src/component/index.ts'
import { publishingFile } from '../../../src/connectors/file/publishing-sink.ts'
import { outside, SteppedProcess, stepCalls } from '../../support/stepped-calls.ts'

/** Instances of `file-sink` that stand still before their calls of the operating system, while others go on. */

export const snapshot = (id: number): SinkSnapshot => ({ incarnation: 1, id })

export interface Way {
  readonly name: string
  readonly parts: boolean
  readonly append: boolean
  /** The file has this before. */
  readonly before?: string
}

/** One folder, with the file or the parts in it. */
export class Place {
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

  /** Somebody removes what is staged to become the file. */
  async removeStaged(): Promise<void> {
    for (const name of await this.staged()) await rm(join(this.folder, name))
  }

  async staged(): Promise<readonly string[]> {
    return (await readdir(this.folder)).filter((name) => name.endsWith('.first'))
  }
}

export interface Restored {
  readonly since: number
  readonly published?: SinkSnapshot
  readonly staged: readonly SinkBatch[]
}

export const ownWriter = 'test/net/out/0'

/** An instance, as the engine calls it. */
export class Life {
  readonly writer: string
  private readonly place: Place
  private readonly sink: Sink
  private readonly receive: (message: unknown) => void

  private constructor(place: Place, writer: string, sink: Sink, receive: (message: unknown) => void) {
    this.place = place
    this.writer = writer
    this.sink = sink
    this.receive = receive
  }

  static async begin(place: Place, restored?: Restored, writer = ownWriter): Promise<Life> {
    const { append, parts } = place.way
    const use = { path: place.path, component: 'out', field: 'path', for: 'writing' } as const
    const paths = [place.path]
    const format = 'text'
    const clock = systemClock
    const options = { use, paths, writer, format, columns: undefined, append, parts, clock } as const
    const { sink, on, ready } = await publishingFile(options)
    const life = new Life(place, writer, sink, (message) => on.in(message))
    if (restored !== undefined) {
      const has = await life.sink.recover(writer, restored.published, snapshot(restored.since))
      for (const batch of restored.staged)
        if (has === undefined || compareSinkSnapshots(batch.snapshot, has) > 0) await life.commit(batch)
    }
    await ready()
    return life
  }

  async prepare(id: number, text = textOf(id)): Promise<SinkBatch> {
    this.receive(text)
    const staged = await this.sink.prepare(snapshot(id))
    return { writer: this.writer, snapshot: snapshot(id), staged }
  }

  async commit(batch: SinkBatch): Promise<void> {
    await this.sink.commit(batch)
    await outside(() => this.place.load())
  }
}

export const textOf = (id: number): string => `of snapshot ${id}`
export const lines = (...ids: readonly number[]): string => ids.map((id) => `${textOf(id)}\n`).join('')

export async function inFolder(t: TestContext, body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'vertigo-interleaved-'))
  t.after(() => rm(folder, { recursive: true }))
  stepCalls(t)
  await body(folder)
}

export interface Walked {
  readonly old: SteppedProcess
  readonly next: SteppedProcess
}

const walksAll = process.env['INTERLEAVINGS'] === 'all'

/**
 * `run` of pairs of calls that the two stop before; with as many as they have. Of the pairs, one in `every`: each call of either is among them.
 * With `INTERLEAVINGS=all` in the environment, each pair, for half an hour.
 */
export async function walk(
  t: TestContext,
  run: (processes: Walked, name: string) => Promise<void>,
  every = 19,
): Promise<void> {
  const step = walksAll ? 1 : every
  let runs = 0
  for (let oldAt = 0, isOver = false; !isOver; oldAt++)
    for (let nextAt = oldAt % step, isNextOver = false; !isNextOver; nextAt += step) {
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
export async function interleave(
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
