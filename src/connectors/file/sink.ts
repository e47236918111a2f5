import { open } from 'node:fs/promises'
import { extname } from 'node:path'
import * as v from 'valibot'
import { builtInKind, defineComponent, port } from '../../component/index.ts'
import { configObject, oneOf, text, truth } from '../../component/built-in-config.ts'
import { TextBuffer } from '../text-buffer.ts'
import { type FileUse, fileFault } from './errors.ts'
import {
  CsvFormat,
  type FileFormat,
  type FormatMessage,
  csvHeader,
  formatOf,
  jsonLinesFormat,
  textFormat,
} from './format.ts'
import { publishingFile } from './publishing-sink.ts'
import { type FileTarget, openTarget, targetId } from './target.ts'

const config = configObject({
  /** Relative to the current working directory. `{instance}` stands for the number of the instance. */
  path: text(),
  /** Default: by the ending (`.jsonl` and `.ndjson`, `.csv`), else `text`. */
  format: v.optional(oneOf('text', 'json-lines', 'csv')),
  /** CSV only. Default: the keys of the first message. */
  columns: v.optional(
    v.pipe(v.array(text(), 'must be a list of texts'), v.minLength(1, 'must name at least one column')),
  ),
  /** Keeps what the file holds and writes behind it. Default false: the file is replaced. */
  append: v.optional(truth(), false),
  /** Where snapshots are taken: a file for each of them and each instance, in place of one that grows. Default false. */
  parts: v.optional(truth(), false),
  /** After a failure, leaves the partial file for inspection. Default false. */
  keepPartial: v.optional(truth(), false),
})

/** How long text waits for more before it goes to a partial file, which people may be watching. */
const flushDelayMs = 1000

/**
 * Sink `file-sink`: writes each message to a file: as a line of text (strings as they are, anything else as JSON), as a
 * line of JSON, or as a record of CSV.
 *
 * The target appears, or is replaced, at the clean end of the run only, whole and synced to the disk. Until then
 * `<path>.<process id>.partial` beside it is written, which is removed after a failure unless `keepPartial` is set; a killed
 * process leaves it. With `append` the partial file begins as a copy of the target.
 * Devices and pipes (`/dev/stdout`) are written directly.
 *
 * Where snapshots are taken (`exactly-once`, `at-least-once`), the file grows by what each committed snapshot has, and shows nothing else: at any
 * time it is a beginning of the output, of whole lines but for the moment of a write, and nothing of it is ever taken back. `.<name>.published`
 * beside it says up to which snapshot it goes, and the folder `.<name>.marks` is what counts. A network that begins afresh replaces the file of the run before with its first output, unless
 * `append` is set. With `parts`, each snapshot has a file of its own for each instance that wrote something:
 * `counts-<instance>-<incarnation>-<snapshot>.jsonl`, which appears whole, and may be taken away. What begins with a dot is
 * not for readers.
 *
 * With several instances each writes a file of its own: `{instance}` in the path is its number; without that, `-<number>`
 * is put before the ending (`counts-0.jsonl`).
 *
 * Two sinks of a network with the same file, by whatever links, are refused (`TARGET_SHARED`), and so is a
 * second run while another one on this machine writes to the file (`TARGET_IN_USE`). Of two networks that publish to one file with snapshots, the one
 * that has prepared its first output later has the file, and the other one fails (`TARGET_IN_USE`).
 *
 * Errors: `FILE_NOT_FOUND` (the folder), `FILE_IS_DIRECTORY`, `FILE_NOT_WRITABLE`, `TARGET_IN_USE`, `DISK_FULL`, `OUTPUT_CLOSED`,
 * `MESSAGE_UNFIT`, `SINK_AHEAD`, `SINK_TARGET_LOST`.
 */
export const fileSink = builtInKind(
  'file-sink',
  defineComponent({
    description:
      'Writes messages to a file as text, JSON lines or CSV; the file appears when it is complete.',
    inputs: { in: port() },
    files: 'local',
    config,
    async targets({ path }, instance, instances) {
      const target = await targetId(instancePath(path, instance, instances))
      return target === undefined ? [] : [target]
    },
    async setup(context) {
      const { component, instance, instances } = context
      const { append, columns, keepPartial, parts } = context.config
      const path = instancePath(context.config.path, instance, instances)
      const use: FileUse = { path, component, field: 'path', for: 'writing' }
      const format = context.config.format ?? formatOf(path)
      if (columns !== undefined && format !== 'csv') {
        throw fileFault(
          'CONFIG_INVALID',
          { ...use, field: 'columns' },
          `is written as ${format}, which has no columns`,
        )
      }
      if (context.publishes === 'with-snapshots') {
        const { writer, clock } = context
        const own = parts
          ? { ...use, path: context.config.path.replaceAll('{instance}', String(instance)) }
          : use
        const paths = [1, 2].map((instances) => instancePath(context.config.path, instance, instances))
        return publishingFile({ use: own, paths, writer, format, columns, append, parts, clock })
      }
      const target = await openTarget(use, { append, alone: true })
      try {
        const existing = append && !target.direct ? await lookAtExisting(target.writtenPath) : noContent
        if (existing.unended) await target.write('\n')
        const output = makeOutput(format, component, columns, existing.firstLine, use)
        const buffer = new TextBuffer({
          write: (piece) => target.write(piece),
          clock: context.clock,
          flushDelayMs: target.direct ? 'soon' : flushDelayMs,
        })
        return sinkBehaviour(target, buffer, output, keepPartial)
      } catch (error) {
        await target.abandon(false)
        throw error
      }
    },
  }),
)

function sinkBehaviour(target: FileTarget, buffer: TextBuffer, output: Output, keepPartial: boolean) {
  const { format } = output
  return {
    on: { in: (message: unknown) => buffer.add(format(message)) },
    async drain(): Promise<void> {
      const header = output.header()
      if (header !== '') await buffer.add(header)
      await buffer.finish()
      await target.complete()
    },
    async close(): Promise<void> {
      await buffer.abandon()
      await target.abandon(keepPartial)
    },
  }
}

interface Output {
  readonly format: FormatMessage
  /** What stands above the messages, where none has brought it. */
  readonly header: () => string
}

function makeOutput(
  format: FileFormat,
  component: string,
  columns: readonly string[] | undefined,
  firstLine: string | undefined,
  use: FileUse,
): Output {
  if (format === 'text') return { format: textFormat(component), header: () => '' }
  if (format === 'json-lines') return { format: jsonLinesFormat(component), header: () => '' }
  const present = firstLine === undefined ? undefined : csvHeader(firstLine)
  if (present !== undefined && columns !== undefined && present.join('\n') !== columns.join('\n')) {
    const what = `has the columns ${present.join(', ')}, which are not those to be appended: ${columns.join(', ')}`
    throw fileFault('CONFIG_INVALID', { ...use, field: 'columns' }, what)
  }
  const csv = new CsvFormat({
    component,
    columns: columns ?? present,
    selected: columns !== undefined,
    headerWritten: present !== undefined,
  })
  return { format: (message) => csv.line(message), header: () => csv.header() }
}

/** The path that an instance writes to. */
export function instancePath(path: string, instance: number, instances: number): string {
  if (path.includes('{instance}')) return path.replaceAll('{instance}', String(instance))
  if (instances === 1 || /^\/(dev|proc)\//.test(path)) return path
  const ending = extname(path)
  return `${path.slice(0, path.length - ending.length)}-${instance}${ending}`
}

const noContent = { unended: false, firstLine: undefined }

/** Enough for any header. */
const headBytes = 64 * 1024

async function lookAtExisting(
  path: string,
): Promise<{ readonly unended: boolean; readonly firstLine: string | undefined }> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    if (size === 0) return noContent
    const last = Buffer.alloc(1)
    await file.read(last, 0, 1, size - 1)
    const head = Buffer.alloc(Math.min(size, headBytes))
    await file.read(head, 0, head.length, 0)
    return {
      unended: last.toString('latin1') !== '\n',
      firstLine: head.toString('utf8').replace(/^\uFEFF/, ''),
    }
  } finally {
    await file.close()
  }
}
