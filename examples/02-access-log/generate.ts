/** Makes an access log in the combined format that is the same for the same seed. */

export interface LogOptions {
  readonly lines: number
  readonly seed: number
}

const paths = ['/', '/about', '/products', '/products/1', '/products/2', '/cart', '/login', '/search?q=flow']
const methods = ['GET', 'GET', 'GET', 'GET', 'HEAD', 'POST']
const statuses = [200, 200, 200, 200, 200, 304, 301, 404, 500]

/** Every so many lines, one is cut off, as it happens in real logs. */
const brokenEvery = 997
const startMs = Date.UTC(2026, 0, 31, 21)

export function* generateLog({ lines, seed }: LogOptions): Generator<string> {
  const random = seeded(seed)
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!
  let timeMs = startMs
  for (let n = 1; n <= lines; n++) {
    timeMs += Math.floor(random() * 4000)
    const host = `10.0.${Math.floor(random() * 4)}.${Math.floor(random() * 256)}`
    const status = pick(statuses)
    const bytes = status === 304 ? '-' : String(Math.floor(random() * 50_000))
    // The square makes the first paths far more frequent than the last.
    const path = paths[Math.floor(random() ** 2 * paths.length)]!
    const line =
      `${host} - - [${clf(timeMs)}] "${pick(methods)} ${path} HTTP/1.1" ${status} ${bytes} ` +
      `"-" "example/${1 + Math.floor(random() * 3)}.0"`
    yield n % brokenEvery === 0 ? line.slice(0, 30) : line
  }
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** The time as such logs write it: `31/Jan/2026:21:00:00 +0000`. */
function clf(timeMs: number): string {
  const [date = '', time = ''] = new Date(timeMs).toISOString().split('T')
  const [year = '', month = '', day = ''] = date.split('-')
  return `${day}/${months[Number(month) - 1]}/${year}:${time.slice(0, 8)} +0000`
}

/** Numbers from 0 to 1 that repeat for the same seed (a linear congruential generator). */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
