import { diff } from 'node:util'

/** Lines that differ are enough to see what happened; nobody reads more. */
const shownLinesMax = 60

/** What changes from `before` to `after`, with `-` and `+` before the lines. */
export function lineDiff(before: string, after: string): string {
  const changed = diff(before.split('\n'), after.split('\n'))
    .filter(([operation]) => operation !== 0)
    // The operation is what leads from the second text to the first.
    .map(([operation, line]) => `${operation === 1 ? '-' : '+'} ${line}`)
  const more = changed.length - shownLinesMax
  return changed.slice(0, shownLinesMax).join('\n') + (more > 0 ? `\n… and ${more} more lines` : '')
}
