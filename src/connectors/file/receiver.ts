import { type Hash, createHash } from 'node:crypto'
import { realpath, stat } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { VertigoError } from '../../base/errors.ts'
import { type GroupContext, builtInKind, defineComponent, port } from '../../component/index.ts'
import { configObject, text } from '../../component/built-in-config.ts'
import { type FileUse, fileFault } from './errors.ts'
import { type FileEnd, type FileStart, fileGroup } from './sender.ts'
import { type FileTarget, makeDirectory, openTarget } from './target.ts'

/** What `file-receiver` sends for each file. */
export interface ReceivedFile {
  readonly path: string
  /** In bytes. */
  readonly size: number
  /** Of the whole content, in hexadecimal digits. */
  readonly sha256: string
}

const config = configObject({
  /** Where files go; it must exist. Relative to the current working directory. */
  directory: text(),
})

/** A file that is being received. */
interface Incoming {
  readonly start: FileStart
  readonly path: string
  readonly target: FileTarget
  readonly hash: Hash
  size: number
}

/**
 * Component `file-receiver`: writes the files that `file-sender` sends into a directory. Each is written under a partial
 * name, checked against the size and the checksum that the sender gives at its end, synced and renamed: a file with its
 * own name is whole. One that is there already is replaced. Names that lead out of the directory are refused, links on the way included.
 *
 * Errors: `TRANSFER_INVALID`, `FILE_NOT_FOUND` (the directory), `FILE_IS_DIRECTORY`, `FILE_NOT_WRITABLE`, `DISK_FULL`.
 */
export const fileReceiver = builtInKind(
  'file-receiver',
  defineComponent({
    description: 'Writes the files that "file-sender" sends into a directory.',
    inputs: { in: port<Uint8Array>({ sizeOf: (chunk) => chunk.byteLength }) },
    outputs: { out: port<ReceivedFile>() },
    files: 'local',
    config,
    async setup({ component, config: { directory } }) {
      const use: FileUse = { path: directory, component, field: 'directory', for: 'writing' }
      await checkDirectory(directory, use)
      const incoming = new IncomingFiles(directory, component)
      return {
        on: {
          in(): void {
            throw invalid(component, 'a message came outside a group "file"')
          },
        },
        groups: {
          in: {
            [fileGroup]: {
              start: (args, { group }) => incoming.start(args, group),
              message: (chunk, { group }) => incoming.write(chunk, group),
              async end(args, { group, emit }) {
                emit.out(await incoming.end(args, group))
              },
            },
          },
        },
        close: () => incoming.close(),
      }
    },
  }),
)

class IncomingFiles {
  readonly #directory: string
  readonly #component: string
  /** By the id in `group.state`, since handles cannot be part of a state. */
  readonly #open = new Map<number, Incoming>()
  /** Files that are being made: `close` has to remove them too. */
  readonly #opening = new Set<ReturnType<typeof openTarget>>()
  #closed = false
  #nextId = 0

  constructor(directory: string, component: string) {
    this.#directory = directory
    this.#component = component
  }

  async start(args: unknown, group: GroupContext): Promise<void> {
    if (group.resumed)
      throw invalid(this.#component, 'a transfer cannot go on after a failure; send the file again')
    if (!isFileStart(args)) throw invalid(this.#component, 'the group "file" began without name and size')
    const path = await this.#pathOf(args.name)
    // Closed meanwhile, as when a run is stopped: nobody would remove what is made from here on.
    if (this.#closed) return
    const opening = openTarget({ path, component: this.#component, field: 'directory', for: 'writing' })
    this.#opening.add(opening)
    const target = await opening.finally(() => this.#opening.delete(opening))
    if (this.#closed) return
    const id = this.#nextId++
    group.state['transfer'] = id
    this.#open.set(id, { start: args, path, target, hash: createHash('sha256'), size: 0 })
  }

  async write(chunk: Uint8Array, group: GroupContext): Promise<void> {
    const file = this.#of(group)
    if (!(chunk instanceof Uint8Array))
      throw invalid(this.#component, `a message of "${file.start.name}" is not bytes`)
    file.size += chunk.byteLength
    if (file.size > file.start.size) {
      throw invalid(
        this.#component,
        `"${file.start.name}" has more than the ${file.start.size} bytes announced`,
      )
    }
    file.hash.update(chunk)
    await file.target.write(chunk)
  }

  async end(args: unknown, group: GroupContext): Promise<ReceivedFile> {
    const file = this.#of(group)
    const { name, size } = file.start
    if (!isFileEnd(args)) throw invalid(this.#component, `"${name}" ended without size and checksum`)
    if (file.size !== size || args.size !== size) {
      throw invalid(
        this.#component,
        `"${name}" has ${file.size} bytes, ${size} were announced, ${args.size} were sent`,
      )
    }
    const sha256 = file.hash.digest('hex')
    if (sha256 !== args.sha256)
      throw invalid(this.#component, `"${name}" is not what was sent: its checksum differs`)
    await file.target.complete()
    this.#open.delete(group.state['transfer'] as number)
    return { path: file.path, size, sha256 }
  }

  /** Removes what has not become whole. */
  async close(): Promise<void> {
    this.#closed = true
    const opened = await Promise.allSettled(this.#opening)
    const made = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const unfinished = [...this.#open.values()].map(({ target }) => target)
    this.#open.clear()
    await Promise.all([...made, ...unfinished].map((target) => target.abandon(false)))
  }

  #of(group: GroupContext): Incoming {
    const file = this.#open.get(group.state['transfer'] as number)
    if (file === undefined) throw invalid(this.#component, 'a message came for a file that was not begun')
    return file
  }

  /** The path of a file in the directory, whose folders are made. */
  async #pathOf(name: string): Promise<string> {
    const refuse = (why: string): VertigoError =>
      invalid(this.#component, `the name ${JSON.stringify(name)} ${why}`)
    const parts = name.split(/[/\\]/)
    if (
      name.includes('\0') ||
      /^[A-Za-z]:/.test(name) ||
      parts.some((part) => part === '' || part === '.' || part === '..')
    ) {
      throw refuse('is refused: it is not that of a file below the directory')
    }
    const path = join(this.#directory, name)
    const use: FileUse = { path, component: this.#component, field: 'directory', for: 'writing' }
    const root = await realpath(this.#directory)
    const escapes = async (folder: string): Promise<boolean> => {
      const real = await realpath(folder)
      return real !== root && !real.startsWith(root.endsWith(sep) ? root : root + sep)
    }
    // Before folders are made, since that too would follow a link.
    if (await escapes(await lastExisting(path))) throw refuse('is refused: a link leads out of the directory')
    await makeDirectory(dirname(path), use)
    return path
  }
}

/** The path itself or the nearest folder above it that exists. */
async function lastExisting(path: string): Promise<string> {
  for (let at = resolve(path); ; at = dirname(at)) {
    const there = await stat(at).then(
      () => true,
      () => false,
    )
    if (there || dirname(at) === at) return at
  }
}

async function checkDirectory(directory: string, use: FileUse): Promise<void> {
  const there = await stat(directory).catch(() => undefined)
  if (there === undefined) {
    throw fileFault('FILE_NOT_FOUND', use, 'does not exist', {
      remedy: 'Create the directory, or name another.',
    })
  }
  if (!there.isDirectory()) throw fileFault('FILE_NOT_WRITABLE', use, 'is not a directory')
}

function isFileStart(args: unknown): args is FileStart {
  if (typeof args !== 'object' || args === null) return false
  const { name, size } = args as Partial<FileStart>
  return typeof name === 'string' && Number.isSafeInteger(size) && size! >= 0
}

function isFileEnd(args: unknown): args is FileEnd {
  if (typeof args !== 'object' || args === null) return false
  const { size, sha256 } = args as Partial<FileEnd>
  return Number.isSafeInteger(size) && typeof sha256 === 'string'
}

function invalid(component: string, what: string): VertigoError {
  return new VertigoError('TRANSFER_INVALID', `${component}: ${what}`, { place: { component, port: 'in' } })
}
