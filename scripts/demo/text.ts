import { closeSync, openSync, readdirSync, readSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { VertigoError } from 'vertigo-flow'

/** More is not read: the demo is to take half a minute, not the machine. */
const textBytesMax = 16 * 1024 * 1024
/** Longer lines are folded: one line that is all of the text would be one message. */
const lineBytesMax = 1024

const lineEnd = 10

/** What is counted: a copy of the text, so that nobody changes it meanwhile. */
export interface Text {
  /** The copy. */
  readonly path: string
  readonly lines: number
  readonly bytes: number
  /** There was more than the demo reads. */
  readonly isCut: boolean
}

/** Errors: FILE_NOT_FOUND, FILE_IS_DIRECTORY, FILE_UNREADABLE. */
export function prepareText(files: readonly string[], folder: string): Text {
  const parts: Buffer[] = []
  let room = textBytesMax
  let isCut = false
  for (const file of files) {
    // A byte more than there is room for tells whether there is more.
    const bytes = readStart(file, room + 1)
    isCut = bytes.length > room
    parts.push(bytes.subarray(0, room), Buffer.from('\n'))
    if (isCut) break
    room -= bytes.length
  }
  const { text, lines } = folded(Buffer.concat(parts))
  const path = join(folder, 'text.txt')
  writeFileSync(path, text)
  return { path, lines, bytes: text.length, isCut }
}

/** The Markdown files of the installed packages: real text that every machine has after `npm ci`. */
export function installedTexts(home: string): string[] {
  const folder = join(home, 'node_modules')
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => relative(process.cwd(), join(entry.parentPath, entry.name)))
    .toSorted()
}

function readStart(file: string, bytesMax: number): Buffer {
  try {
    const opened = openSync(file, 'r')
    try {
      const chunks: Buffer[] = []
      for (let left = bytesMax; left > 0;) {
        const chunk = Buffer.alloc(Math.min(left, 1024 * 1024))
        const read = readSync(opened, chunk)
        if (read === 0) break
        chunks.push(chunk.subarray(0, read))
        left -= read
      }
      return Buffer.concat(chunks)
    } finally {
      closeSync(opened)
    }
  } catch (cause) {
    throw unreadable(file, cause as NodeJS.ErrnoException)
  }
}

function unreadable(file: string, cause: NodeJS.ErrnoException): VertigoError {
  const place = { file }
  if (cause.code === 'ENOENT')
    return new VertigoError('FILE_NOT_FOUND', `There is no file ${file}.`, { cause, place })
  if (cause.code === 'EISDIR')
    return new VertigoError('FILE_IS_DIRECTORY', `${file} is a directory, not a file.`, { cause, place })
  return new VertigoError('FILE_UNREADABLE', `${file} cannot be read (${cause.code ?? cause.message}).`, {
    cause,
    place,
  })
}

/** No line longer than `lineBytesMax`: it is cut between words, or through a word that is longer than that. */
function folded(bytes: Buffer): { readonly text: Buffer; readonly lines: number } {
  const parts: Buffer[] = []
  let lines = 0
  for (let start = 0; start < bytes.length; lines++) {
    const most = bytes.subarray(start, start + lineBytesMax)
    const end = most.indexOf(lineEnd)
    const line =
      end >= 0 ? most.subarray(0, end) : most.length < lineBytesMax ? most : most.subarray(0, cut(most))
    parts.push(line, Buffer.from('\n'))
    start += line.length + (end >= 0 ? 1 : 0)
  }
  return { text: Buffer.concat(parts), lines }
}

/** Behind the last byte that is no letter, in the latter half. */
function cut(line: Buffer): number {
  for (let at = line.length; at > line.length / 2; at--) if (!isLetter(line[at - 1]!)) return at
  return line.length
}

/** Of the alphabet that the demo counts, or a part of a letter of another one. */
function isLetter(byte: number): boolean {
  return (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte >= 128
}
