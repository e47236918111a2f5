import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { basename, relative, resolve, sep } from 'node:path'
import * as v from 'valibot'
import { builtInKind, defineComponent, port } from '../../component/index.ts'
import { configObject, text, wholeNumber } from '../../component/built-in-config.ts'
import { type FileUse, fileError, fileFault } from './errors.ts'

/** Name of the groups that carry files, one group for each. */
export const fileGroup = 'file'

/** Arguments of the start of a group that carries a file. */
export interface FileStart {
  /** Name below the receiver's directory, with `/` between folders. */
  readonly name: string
  /** In bytes. */
  readonly size: number
  /** Time of the last change, in milliseconds since 1970. */
  readonly modifiedMs: number
}

/** Arguments of the end of a group that carries a file. */
export interface FileEnd {
  /** In bytes, as it was sent. */
  readonly size: number
  /** Of the whole content, in hexadecimal digits. */
  readonly sha256: string
}

/**
 * Component `file-sender`: for each path that arrives, sends the file in chunks, inside a group named `file`, whose
 * start has `{ name, size, modifiedMs }` and whose end has `{ size, sha256 }`. The engine pulls the chunks while there is
 * room, so a file of any size takes the memory of a few chunks. A file that grows meanwhile is sent as long as it was
 * at the start.
 *
 * Errors: `FILE_NOT_FOUND`, `FILE_IS_DIRECTORY`, `FILE_UNREADABLE`, `FILE_CHANGED`.
 */
export const fileSender = builtInKind(
  'file-sender',
  defineComponent({
    description: 'Sends the files whose paths arrive, in chunks inside a group named "file".',
    inputs: { in: port<string>() },
    outputs: { out: port<Uint8Array>({ sizeOf: (chunk) => chunk.byteLength }) },
    files: 'local',
    config: configObject({
      /** Names are given relative to this folder, and files outside it are refused. Default: the name alone, without folders. */
      base: v.optional(text()),
      /** Size of a message. Default 64 KiB. */
      chunkBytes: v.optional(wholeNumber(1024, 16 * 1024 * 1024), 64 * 1024),
    }),
    on: {
      async *in(path, { emit, config, component }) {
        const use: FileUse = { path, component, for: 'reading' }
        const name = nameOf(path, config.base, use)
        const file = await open(path, 'r').catch((error: unknown) => {
          throw fileError(error, use)
        })
        try {
          const stat = await file.stat()
          if (stat.isDirectory()) throw fileFault('FILE_IS_DIRECTORY', use, 'is a directory, not a file')
          if (!stat.isFile())
            throw fileFault('FILE_UNREADABLE', use, 'is not a regular file, so it has no size')
          const start: FileStart = { name, size: stat.size, modifiedMs: stat.mtimeMs }
          const group = emit.out.group(fileGroup, start)
          const hash = createHash('sha256')
          for (let sent = 0; sent < stat.size;) {
            // Each chunk has its own memory: what is sent is not to change.
            const chunk = new Uint8Array(Math.min(config.chunkBytes, stat.size - sent))
            const { bytesRead } = await file.read(chunk, 0, chunk.length, sent).catch((error: unknown) => {
              throw fileError(error, use)
            })
            if (bytesRead === 0) {
              throw fileFault(
                'FILE_CHANGED',
                use,
                `ended after ${sent} of ${stat.size} bytes while it was sent`,
              )
            }
            const read = bytesRead === chunk.length ? chunk : chunk.slice(0, bytesRead)
            hash.update(read)
            group.send(read)
            sent += bytesRead
            yield
          }
          const end: FileEnd = { size: stat.size, sha256: hash.digest('hex') }
          group.end(end)
        } finally {
          await file.close()
        }
      },
    },
  }),
)

function nameOf(path: string, base: string | undefined, use: FileUse): string {
  if (base === undefined) return basename(path)
  const name = relative(resolve(base), resolve(path))
  if (name === '' || name === '..' || name.startsWith(`..${sep}`)) {
    throw fileFault('FILE_UNREADABLE', use, `is not in the folder "${base}" (config field "base")`)
  }
  return name.split(sep).join('/')
}
