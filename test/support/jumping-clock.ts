import { seededRandom } from '../../src/base/random.ts'

/**
 * Loaded before a program (`--import`), with a seed as `?seed=1`: the wall clock of the process jumps, several times a second,
 * to up to an hour before or behind the true time. The monotonic clock and the timers go on as they do.
 */

const jumpMsMax = 3_600_000
const restMsMax = 300

const random = seededRandom(Number(new URL(import.meta.url).searchParams.get('seed') ?? 1))
const trueNow = Date.now
let offsetMs = 0

globalThis.Date = new Proxy(Date, {
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [trueNow() + offsetMs] : args, newTarget) as object,
  get: (target, property, receiver) =>
    property === 'now' ? () => trueNow() + offsetMs : (Reflect.get(target, property, receiver) as unknown),
})

function jump(): void {
  offsetMs = random.int(2 * jumpMsMax) - jumpMsMax
  setTimeout(jump, random.int(restMsMax)).unref()
}

jump()
