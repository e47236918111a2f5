/** Text broken into lines of at most `width` characters, at blanks; longer words stay whole. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  lines.push(line)
  return lines
}

/** `text` in `width` columns: filled up, or cut off with an ellipsis. */
export function fitted(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  if (text.length > width) return width <= 1 ? text.slice(0, width) : `${text.slice(0, width - 1)}…`
  return side === 'left' ? text.padEnd(width) : text.padStart(width)
}

/** A count with thousands apart: 1,234,567. */
export function count(value: number): string {
  return String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

/** A number in at most five characters: 950, 12.3k, 4.56M. */
export function short(value: number): string {
  if (value < 999.5) return value < 9.95 && value % 1 !== 0 ? value.toFixed(1) : String(Math.round(value))
  for (const [limit, divisor, unit] of units) if (value < limit) return `${digits(value / divisor)}${unit}`
  return value.toExponential(1)
}

const units = [
  [999_500, 1e3, 'k'],
  [999_500_000, 1e6, 'M'],
  [999_500_000_000, 1e9, 'G'],
] as const

function digits(value: number): string {
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2)
}

/** A time span for people: 420 ms, 12.3 s, 4 min 05 s. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  const two = (value: number): string => String(value).padStart(2, '0')
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`
}

/** Bytes for people: 512 MiB. */
export function bytes(value: number): string {
  if (value < 1024 * 1024) return `${Math.round(value / 1024)} KiB`
  return value < 10 * 1024 ** 3
    ? `${Math.round(value / 1024 ** 2)} MiB`
    : `${(value / 1024 ** 3).toFixed(1)} GiB`
}

/** `a`, `a and b`, `a, b and c`; of long lists the first `max`, and how many more there are. */
export function list(items: readonly string[], max = 8): string {
  const shown = items.length > max ? [...items.slice(0, max), `${items.length - max} more`] : [...items]
  const last = shown.pop() ?? ''
  return shown.length === 0 ? last : `${shown.join(', ')} and ${last}`
}

/** Without what would move the cursor or change colors: for texts of others, in lines of ours. */
export function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\uFFFD')
}
