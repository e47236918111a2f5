import { open, stat } from 'node:fs/promises'
import type { Clock } from '../../base/clock.ts'
import { compareSinkSnapshots, type Sink, type SinkBatch, type SinkSnapshot } from '../../component/index.ts'
import { Staging } from '../staging.ts'
import { type FileUse, fileError, fileFault } from './errors.ts'
import {
  CsvFormat,
  csvHeader,
  csvLine,
  type FileFormat,
  type FormatMessage,
  jsonLinesFormat,
  textFormat,
} from './format.ts'
import { stageFirst } from './first-piece.ts'
import { type Mark, readMark } from './marks.ts'
import { dropTemporaries } from './marks-folder.ts'
import { type FilePiece, finishFirst, inUse, lost, publishPiece, realPathOf } from './published.ts'
import {
  dropStaged,
  markedPath,
  publishPart,
  type PartPiece,
  recoverPart,
  stagePart,
} from './published-parts.ts'
import { openTarget } from './target.ts'
import { takeTurn } from './turns.ts'

export interface PublishingOptions {
  readonly use: FileUse
  /** Where the writer's output may be: its file has another name where it is the only instance. */
  readonly paths: readonly string[]
  readonly writer: string
  readonly format: FileFormat
  readonly columns: readonly string[] | undefined
  readonly append: boolean
  /** A file for each snapshot. */
  readonly parts: boolean
  readonly clock: Clock
}

/** What the file was when the instance began. */
interface Found {
  readonly mark: Mark | undefined
  readonly bytes: number
  readonly firstLine: string | undefined
  readonly isEnded: boolean
}

const nothing: Found = { mark: undefined, bytes: 0, firstLine: undefined, isEnded: true }
/** Enough for any header. */
const headBytes = 64 * 1024

/** Behaviour of `file-sink` where snapshots are taken; see `published.ts`. */
export async function publishingFile(options: PublishingOptions) {
  const { append, parts } = options
  const isDirect = await checkTarget(options)
  return new PublishingFile(options, { isDirect, append: append && !parts }).behaviour
}

/** Says what is wrong before anything runs; true for a device, which is written to as it is. */
async function checkTarget({ use }: PublishingOptions): Promise<boolean> {
  const target = await openTarget(use)
  await target.abandon(false)
  return target.direct
}

class PublishingFile {
  readonly #options: PublishingOptions
  readonly #isDirect: boolean
  readonly #append: boolean
  readonly #staging = new Staging<string>()
  #found = nothing
  #format: FormatMessage = () => ''
  #csv: CsvFormat | undefined
  /** It goes on from a snapshot of its component. */
  #isRestored = false
  /** The first snapshot of this deployment, where it is known. */
  #since: SinkSnapshot | undefined
  /** Where the next piece begins; undefined before the first. */
  #next: number | undefined
  #isDrained = false
  /** The writers of whom nothing is left that should not be. */
  readonly #tidied = new Set<string>()

  constructor(
    options: PublishingOptions,
    { isDirect, append }: { readonly isDirect: boolean; readonly append: boolean },
  ) {
    this.#options = options
    this.#isDirect = isDirect
    this.#append = append
  }

  get behaviour() {
    return {
      sink: this.#sink,
      // What it goes on from is published by then.
      ready: () => this.#begin(),
      on: {
        in: (message: unknown) => {
          const text = this.#format(message)
          this.#staging.add(text, text.length)
        },
      },
      drain: () => {
        this.#isDrained = true
      },
    }
  }

  get #sink(): Sink {
    const { parts } = this.#options
    const recover = (
      writer: string,
      published: SinkSnapshot | undefined,
      since: SinkSnapshot | undefined,
    ): Promise<SinkSnapshot | undefined> => this.#recover(writer, published, since)
    const isFull = (): boolean => this.#staging.isFull
    if (parts) {
      const sink: Sink<PartPiece> = {
        prepare: (snapshot) => this.#preparePart(snapshot),
        isFull,
        commit: (batch) => this.#publishPart(batch),
        recover,
      }
      return sink
    }
    const sink: Sink<FilePiece> = {
      prepare: (snapshot) => this.#prepare(snapshot),
      isFull,
      commit: (batch) => (this.#isDirect ? this.#writeThrough(batch.staged) : this.#publishPiece(batch)),
      recover,
    }
    return sink
  }

  async #begin(): Promise<void> {
    const { use, parts, format, columns } = this.#options
    if (!parts && !this.#isDirect) this.#found = await look(use)
    const component = use.component
    if (format === 'csv') {
      const { firstLine } = this.#found
      const present = this.#goesOn || this.#append ? firstLine && csvHeader(firstLine) : undefined
      // The header stands before the first piece, which is not known here.
      this.#csv = new CsvFormat({
        component,
        columns: columns ?? (present || undefined),
        selected: columns !== undefined,
        headerWritten: true,
      })
      this.#checkColumns(present || undefined)
    }
    const csv = this.#csv
    if (csv !== undefined) this.#format = (message) => csv.line(message)
    else this.#format = format === 'text' ? textFormat(component) : jsonLinesFormat(component)
  }

  #checkColumns(present: readonly string[] | undefined): void {
    const { use } = this.#options
    const columns = this.#csv?.columns
    if (present === undefined || columns === undefined || present.join('\n') === columns.join('\n')) return
    const what = `has the columns ${present.join(', ')}, which are not those to be appended: ${columns.join(', ')}`
    throw fileFault('CONFIG_INVALID', { ...use, field: 'columns' }, what)
  }

  #prepare(snapshot: SinkSnapshot): FilePiece | Promise<FilePiece> | undefined {
    const { path } = this.#options.use
    const text = this.#staging.take().join('')
    const { bytes, isEnded, firstLine } = this.#found
    const goesOn = this.#goesOn
    // A finite network that wrote nothing leaves an empty file.
    if (text === '' && !(this.#isDrained && this.#next === undefined && !goesOn)) return undefined
    if (this.#next !== undefined) return this.#piece(path, text, { isFirst: false, replaces: false })
    if (goesOn && bytes > 0 && this.#csv !== undefined && firstLine !== undefined)
      this.#checkColumns(csvHeader(firstLine))
    const keeps = goesOn || this.#append
    this.#next = keeps ? bytes : 0
    const head = this.#next === 0 ? this.#header : isEnded ? '' : '\n'
    const piece = this.#piece(path, head + text, { isFirst: !goesOn, replaces: !keeps && !this.#isDirect })
    return piece.isFirst && !this.#isDirect ? this.#prepareFirst(piece, snapshot) : piece
  }

  async #prepareFirst(piece: FilePiece, snapshot: SinkSnapshot): Promise<FilePiece> {
    const { use, writer } = this.#options
    try {
      const path = await realPathOf(piece.path)
      const turn = await takeTurn(path)
      if (!piece.replaces) return { ...piece, turn }
      return { ...piece, turn, staged: await stageFirst(path, piece.text, { writer, snapshot, turn }) }
    } catch (error) {
      throw fileError(error, use)
    }
  }

  get #goesOn(): boolean {
    return this.#isRestored && this.#isOwn(this.#found.mark)
  }

  /** The mark of a run before is of the same writer, and not what this one goes on from. */
  #isOwn(mark: Mark | undefined): boolean {
    if (mark?.writer !== this.#options.writer) return false
    return this.#since === undefined || compareSinkSnapshots(mark, this.#since) >= 0
  }

  #piece(path: string, text: string, how: Pick<FilePiece, 'isFirst' | 'replaces'>): FilePiece {
    const at = this.#next ?? 0
    this.#next = at + Buffer.byteLength(text)
    return { path, at, text, ...how }
  }

  get #header(): string {
    const columns = this.#csv?.columns
    return columns === undefined ? '' : csvLine(columns)
  }

  #preparePart(snapshot: SinkSnapshot): Promise<PartPiece> | undefined {
    const { use, writer } = this.#options
    const text = this.#staging.take().join('')
    return text === '' ? undefined : stagePart(this.#header + text, { writer, snapshot }, use)
  }

  async #publishPiece(batch: SinkBatch<FilePiece>): Promise<void> {
    const { use, clock } = this.#options
    await publishPiece(batch, use)
    await this.#tidy(batch.writer, async () => dropTemporaries(await realPathOf(batch.staged.path), clock))
  }

  async #publishPart(batch: SinkBatch<PartPiece>): Promise<void> {
    const { use, clock } = this.#options
    const { writer, snapshot, staged } = batch
    await publishPart(batch, use)
    await this.#tidy(writer, async () => {
      await dropStaged(use, writer, snapshot)
      await dropTemporaries(markedPath(staged.path), clock)
    })
  }

  /** What lives before have left for nothing goes with the first piece that is published: a folder may have many files, and listing costs. */
  async #tidy(writer: string, drop: () => Promise<void>): Promise<void> {
    if (this.#tidied.has(writer)) return
    await drop()
    this.#tidied.add(writer)
  }

  async #recover(
    writer: string,
    published: SinkSnapshot | undefined,
    since: SinkSnapshot | undefined,
  ): Promise<SinkSnapshot | undefined> {
    const { use, parts, paths } = this.#options
    if (this.#isDirect || writer !== this.#options.writer) return undefined
    this.#isRestored = true
    this.#since = since
    try {
      if (parts) return await recoverPart(writer, published, use)
      let newest: Mark | undefined
      let other: Mark | undefined
      for (const path of await Promise.all(paths.map((path) => realPathOf(path)))) {
        const mark = await readMark(path)
        if (mark !== undefined && mark.writer !== writer) other = mark
        if (mark === undefined || !this.#isOwn(mark)) continue
        await finishFirst(path, mark, use)
        if (newest === undefined || compareSinkSnapshots(mark, newest) > 0) newest = mark
      }
      if (published === undefined || newest !== undefined) return newest
      if (other !== undefined) throw inUse(use, other, writer)
      throw lost(use, `is not what ${writer} has published`)
    } catch (error) {
      throw fileError(error, use)
    }
  }

  /** A device keeps nothing that could be looked at: after a failure, the same may come twice. */
  async #writeThrough({ text }: FilePiece): Promise<void> {
    const target = await openTarget(this.#options.use)
    await target.write(text)
    await target.complete()
  }
}

async function look(use: FileUse): Promise<Found> {
  try {
    const mark = await readMark(await realPathOf(use.path))
    const there = await stat(use.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (there === undefined || there.size === 0) return { ...nothing, mark }
    const file = await open(use.path, 'r')
    try {
      const head = Buffer.alloc(Math.min(there.size, headBytes))
      await file.read(head, 0, head.length, 0)
      const last = Buffer.alloc(1)
      await file.read(last, 0, 1, there.size - 1)
      const firstLine = head.toString('utf8').replace(/^\uFEFF/, '')
      return { mark, bytes: there.size, firstLine, isEnded: last.toString('latin1') === '\n' }
    } finally {
      await file.close()
    }
  } catch (error) {
    throw fileError(error, use)
  }
}
