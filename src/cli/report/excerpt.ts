import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Larger files are not read for the sake of one line. */
const fileBytesMax = 10 * 1024 * 1024

const lineLengthMax = 120

/** Line `line` of a file, 1-based; undefined where it cannot be read. */
export function sourceLine(file: string, line: number): string | undefined {
  try {
    const path = file.startsWith('file:') ? fileURLToPath(file) : file
    return textOf(path)?.split(/\r\n|[\n\r]/)[line - 1]
  } catch {
    return undefined
  }
}

/**
 * The text of a regular file. A device or a pipe would give text without end, or none for ever; so would some files of
 * /proc, whose size is 0, if more were read than their size.
 */
function textOf(path: string): string | undefined {
  // Without O_NONBLOCK, opening a pipe waits for somebody who writes to it.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const status = fstatSync(descriptor)
    if (!status.isFile() || status.size > fileBytesMax) return undefined
    const bytes = Buffer.alloc(status.size)
    let length = 0
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(descriptor, bytes, length, bytes.length - length, length)
    return bytes.toString('utf8', 0, length)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * A source line with a caret below its column:
 *
 * ```
 *   5 |   count: { kind: coutner }
 *     |                  ^
 * ```
 */
export function excerpt(source: string, line: number, column: number | undefined): string[] {
  const number = String(line)
  const gutter = ' '.repeat(number.length)
  const at = column === undefined ? 0 : Math.min(column - 1, source.length)
  // Of a long line, the part around the column.
  const start = at > lineLengthMax - 20 ? at - (lineLengthMax - 40) : 0
  const cut = source.slice(start, start + lineLengthMax)
  const shown = `${start > 0 ? '…' : ''}${cut}${start + cut.length < source.length ? '…' : ''}`
  const text = shown.replaceAll(/[\u0000-\u001f\u007f]/g, ' ')
  const lines = [`${number} | ${text}`.trimEnd()]
  if (column !== undefined) lines.push(`${gutter} | ${' '.repeat(at - start + (start > 0 ? 1 : 0))}^`)
  return lines
}
