import * as v from 'valibot'
import {
  type Logger,
  type PollResult,
  type SourcePositions,
  type SourceReader,
  type SourceSetupContext,
  builtInKind,
  defineSource,
  port,
} from '../../component/index.ts'
import type { Cancel, Clock } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import { configObject, oneOf, text, truth, wholeNumber } from '../../component/built-in-config.ts'
import { GzipChunkReader, PlainChunkReader } from './chunk-reader.ts'
import { type FileUse, fileError, fileFault } from './errors.ts'
import { FollowingReader } from './follow.ts'
import {
  asLinePosition,
  asSourcePosition,
  checkHead,
  checkLength,
  type LinePosition,
  SkippingReader,
  startOfFile,
} from './line-position.ts'
import { type LineSource, LineStream, Waiting } from './line-stream.ts'
import { listFiles } from './line-splits.ts'
import { matching, splitPatterns } from './paths.ts'

/** 16 MiB: far above lines that are meant, far below what a file without line ends takes from the memory. */
export const maxLineBytesDefault = 16 * 1024 * 1024

/** Fields that all sources of lines share. */
export const lineFields = {
  /** Default `utf8`; bytes that are not UTF-8 become U+FFFD. */
  encoding: v.optional(oneOf('utf8', 'latin1'), 'utf8'),
  /** Leaves out lines without any character. Default false. */
  skipEmpty: v.optional(truth(), false),
  /** Longest line in bytes, above which the source fails. Default 16 MiB. */
  maxLineBytes: v.optional(wholeNumber(1, 256 * 1024 * 1024), maxLineBytesDefault),
}

const config = v.pipe(
  configObject({
    /** A file, several, or globs; relative to the current working directory. */
    path: v.union(
      [text(), v.pipe(v.array(text()), v.minLength(1, 'must name at least one file'))],
      'must be a text or a list of texts',
    ),
    /** Goes on with lines as they are appended, across truncation and rotation; the source then never ends. */
    follow: v.optional(truth(), false),
    /** How often to look, in milliseconds, where the system does not tell of changes, and for files that match a pattern. Default 1000. */
    pollMs: v.optional(wholeNumber(1), 1000),
    /** Default: by the ending `.gz`. */
    gzip: v.optional(truth()),
    /**
     * What becomes of a file of which a part was read, and that is another one now, shorter or gone, when the source goes on from a
     * position: `fail` (default), or `begin` with what is there, without what was not read of the one before.
     */
    lost: v.optional(oneOf('fail', 'begin'), 'fail'),
    ...lineFields,
  }),
  v.forward(
    v.check(
      (c) => !(c.follow && c.gzip === true),
      'cannot be combined with `follow`: gzip files do not grow line by line',
    ),
    ['gzip'],
  ),
)

type Config = v.InferOutput<typeof config>

/**
 * Source `file-lines`: the lines of files, without their line ends (`\n` or `\r\n`). A last line without a line end
 * counts. Files are read one after another, in the order given (a glob's by name); with several instances, instance
 * `i` reads the files whose index modulo the number of instances is `i`. With `follow` all are read side by side, and files that
 * begin to match a glob later are taken up; where there is a glob, a file's name alone says which instance reads it.
 *
 * Goes on from positions: a file is a split, by its path; it is known again by its first bytes. What was renamed away while
 * nobody read is not looked for; a glob must not match the names that rotated files get.
 *
 * Errors: `SOURCE_POSITION_LOST`, `FILE_NOT_FOUND`, `FILE_IS_DIRECTORY`, `FILE_UNREADABLE`, `FILE_CORRUPT`, `LINE_TOO_LONG`.
 */
export const fileLines = builtInKind(
  'file-lines',
  defineSource({
    description: 'Lines of one or more text files, gzip included; follows growing files where asked.',
    outputs: { out: port<string>() },
    config,
    rewinds: true,
    files: 'local',
    splits: ({ config: options, component, positions }) =>
      listFiles(options, positions, { component, field: 'path' }),
    async setup(context) {
      const { signal, config: options } = context
      const reader = new FilesReader(context)
      await reader.check()
      if (options.follow) await reader.followAll((await splitPatterns(options.path)).patterns)
      signal.addEventListener('abort', () => void reader.close().catch(() => undefined), { once: true })
      return reader
    },
  }),
)

interface ReaderContext extends Pick<
  SourceSetupContext<{}, Config>,
  'component' | 'config' | 'clock' | 'log' | 'positions' | 'splits' | 'owns'
> {}

type Outputs = (typeof fileLines)['outputs']

class FilesReader implements SourceReader<Outputs> {
  readonly #files: string[]
  readonly #config: Config
  readonly #component: string
  readonly #clock: Clock
  readonly #log: Logger
  readonly #owns: (split: string) => boolean
  readonly #waiting = new Waiting()
  /** Streams being read: one, or all with `follow`. */
  #streams: LineStream[] = []
  #opened = 0
  #turn = 0
  #closed = false
  /** Of files that are not being read: not yet, or not any more. */
  readonly #positions = new Map<string, LinePosition>()
  readonly #reading = new Map<LineStream, string>()

  #cancelLook: Cancel = () => undefined
  #looking: Promise<void> = Promise.resolve()
  /** Files may come: a copy that has none yet waits for them. */
  #isLooking = false

  constructor({ component, config: options, clock, log, positions, splits, owns }: ReaderContext) {
    this.#files = [...(splits ?? [])]
    this.#config = options
    this.#component = component
    this.#clock = clock
    this.#log = log
    this.#owns = owns
    for (const path of this.#files) {
      const given = positions?.[path]
      this.#positions.set(path, given === undefined ? startOfFile : asLinePosition(given, this.#use(path)))
    }
  }

  /** Before anything runs: whether all is as it was where it goes on. Errors: SOURCE_POSITION_LOST, FILE_NOT_FOUND. */
  async check(): Promise<void> {
    for (const [path, start] of this.#positions) {
      if (start.done || start.bytes === 0) continue
      const use = this.#use(path)
      try {
        await this.#check(use, start)
      } catch (thrown) {
        const error = fileError(thrown, use)
        const isLost = error.code === 'SOURCE_POSITION_LOST' || error.code === 'FILE_NOT_FOUND'
        if (!isLost || this.#config.lost === 'fail') throw error
        this.#log.warn(`begins with what is there, without what was not read before: ${error.message}`)
        if (error.code === 'SOURCE_POSITION_LOST') this.#positions.set(path, startOfFile)
        else this.#forget(path)
      }
    }
  }

  positions(): SourcePositions {
    const all = new Map(this.#positions)
    for (const [stream, path] of this.#reading) all.set(path, stream.position)
    return Object.fromEntries(Array.from(all, ([path, position]) => [path, asSourcePosition(position)]))
  }

  async followAll(patterns: readonly string[]): Promise<void> {
    while (this.#opened < this.#files.length) await this.#openNext()
    if (patterns.length === 0) return
    let isBusy = false
    this.#isLooking = true
    this.#cancelLook = this.#clock.every(this.#config.pollMs, () => {
      if (isBusy) return
      isBusy = true
      this.#looking = this.#lookFor(patterns).finally(() => (isBusy = false))
    })
  }

  /** Files that have come. One that cannot be opened is tried again. */
  async #lookFor(patterns: readonly string[]): Promise<void> {
    try {
      for (const path of await matching(patterns)) {
        if (this.#closed) return
        if (this.#positions.has(path) || !this.#owns(path)) continue
        this.#positions.set(path, startOfFile)
        this.#files.push(path)
        await this.#openNext()
        this.#waiting.wake()
      }
    } catch (error) {
      const path = this.#files.at(-1)
      if (path !== undefined && ![...this.#reading.values()].includes(path)) this.#forget(path)
      this.#log.warn(`a file that has come cannot be read yet: ${asError(error).message}`)
    }
  }

  #forget(path: string): void {
    this.#positions.delete(path)
    const at = this.#files.indexOf(path)
    this.#files.splice(at, 1)
    if (at < this.#opened) this.#opened--
  }

  poll(
    max: number,
    { emit }: { readonly emit: { readonly out: (line: string) => void } },
  ): PollResult | Promise<PollResult> {
    if (this.#closed) return 'done'
    for (let tries = this.#streams.length; tries > 0; tries--) {
      const stream = this.#streams[this.#turn % this.#streams.length]!
      const sent = stream.take(max, emit.out)
      if (stream.done) return this.#leave(stream)
      if (sent > 0) return 'more'
      this.#turn++
    }
    if (this.#streams.length > 0 || this.#isLooking) return this.#waiting.wait()
    return this.#opened < this.#files.length ? this.#openNext() : 'done'
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelLook()
    await this.#looking
    const streams = this.#streams
    this.#streams = []
    await Promise.all(streams.map((stream) => stream.close()))
    this.#waiting.wake()
  }

  async #leave(stream: LineStream): Promise<PollResult> {
    this.#streams = this.#streams.filter((other) => other !== stream)
    const path = this.#reading.get(stream)
    if (path !== undefined) this.#positions.set(path, stream.position)
    this.#reading.delete(stream)
    await stream.close()
    return this.#opened < this.#files.length || this.#streams.length > 0 ? 'more' : 'done'
  }

  async #openNext(): Promise<PollResult> {
    const path = this.#files[this.#opened++]!
    const start = this.#positions.get(path)!
    if (start.done) return 'more'
    const use = this.#use(path)
    const { encoding, skipEmpty, maxLineBytes } = this.#config
    const tooLong = (line: number): Error =>
      fileFault(
        'LINE_TOO_LONG',
        use,
        `has a line ${line} of more than ${maxLineBytes} bytes (config field "maxLineBytes")`,
        { line },
      )
    const source = await this.#openSource(use, start).catch((error: unknown) => {
      throw fileError(error, use)
    })
    const stream = new LineStream({
      source,
      splitter: { encoding, skipEmpty, maxLineBytes, tooLong },
      start,
      wake: this.#waiting.wake,
      explain: (error) => fileError(error, use),
    })
    if (this.#closed) await stream.close()
    else {
      this.#streams.push(stream)
      this.#reading.set(stream, path)
    }
    return 'more'
  }

  #use(path: string): FileUse {
    return { path, component: this.#component, field: 'path', for: 'reading' }
  }

  async #openSource(use: FileUse, start: LinePosition): Promise<LineSource> {
    const gzip = this.#config.gzip ?? use.path.endsWith('.gz')
    if (!this.#config.follow) {
      if (!gzip) return PlainChunkReader.open(use.path, start.bytes)
      return new SkippingReader(new GzipChunkReader(use.path), start.bytes, use)
    }
    if (gzip)
      throw fileFault(
        'CONFIG_INVALID',
        { ...use, field: 'follow' },
        'is a gzip file, which cannot be followed',
      )
    return FollowingReader.open(use.path, this.#clock, this.#config.pollMs, undefined, start.bytes)
  }

  async #check(use: FileUse, start: LinePosition): Promise<void> {
    const gzip = this.#config.gzip ?? use.path.endsWith('.gz')
    const reader = gzip ? new GzipChunkReader(use.path) : await PlainChunkReader.open(use.path)
    try {
      await checkHead(reader, start, use)
      if (reader instanceof PlainChunkReader) await checkLength(reader, start, use)
    } finally {
      await reader.close()
    }
  }
}
