import type { ListedSnapshot } from '../../cluster/client/index.ts'
import type { ErrorText } from '../../cluster/protocol/index.ts'
import { visible } from '../store/entry-text.ts'

/** Snapshots, as people read them. */

export function timeText(ms: number): string {
  return new Date(ms).toISOString()
}

/** `512 B`, `3.4 MiB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** `15 s`, `3 min`, `2 h`, `5 d`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 120) return `${minutes} min`
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`
}

/** What there is to say of a snapshot beside its numbers. */
export function notesOf({ isCurrent, isLast, isPartial, hasChannelState }: ListedSnapshot): string {
  return [
    isCurrent ? 'current' : '',
    isLast ? 'at the stop' : '',
    isPartial === true ? 'not all there' : '',
    hasChannelState ? 'messages on their way' : '',
  ]
    .filter((note) => note !== '')
    .join(', ')
}

/** What is wrong, and the way out. */
export function errorNotes({ code, message, remedy }: ErrorText): string[] {
  return [`${code}: ${message}`, ...(remedy === undefined ? [] : [remedy])]
}

export function namesOf({ names }: ListedSnapshot): string {
  return names.length === 0 ? '-' : names.map(visible).join(', ')
}
