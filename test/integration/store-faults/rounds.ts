import assert from 'node:assert/strict'
import { machineClock, sleep } from '../../../src/base/clock.ts'
import { type Random, seededRandom } from '../../../src/base/random.ts'
import { openCollections } from '../../../src/store/collections/index.ts'
import { assertLinearizable } from '../../support/histories.ts'
import type { RecordedOperation } from '../../support/linearizability.ts'
import { openPatient } from '../../support/store/patient-store.ts'
import { checkLog, LogRecorder } from '../../support/store/log.ts'
import { type ActorFault, type ActorOrder, Actors, type ActorStart } from './actors.ts'

/**
 * Scenarios with processes over a real store, while somebody kills and stops them, and the store's members where it has some.
 * The same for every backend; a longer run is the same with more rounds (`npm run soak`).
 */
export interface FaultRun extends ActorStart {
  readonly url: string
  readonly actors: number
  readonly rounds: number
  readonly ttlMs: number
  readonly seed: number
  /** Another fault, beside those of actors: of the store itself. */
  readonly storeFault?: (random: Random) => Promise<void>
  /** There is one in so many rounds. Default 5. */
  readonly storeFaultRounds?: number
  /** Between two faults there are up to so many milliseconds, for work to be done. Default 0. */
  readonly calmMsMax?: number
}

export interface Survived {
  readonly faults: number
  /** What was checked: lines of a log, operations, elements. */
  readonly checked: number
}

/** At no time two holders whose guarded writes succeed; a holder that was stopped writes nothing when it goes on. */
export async function holderRounds(run: FaultRun, scenario: 'lead' | 'lock'): Promise<Survived> {
  const store = await openPatient(run.url)
  const log = new LogRecorder(store, 'log')
  try {
    const { faults } = await withFaults(run, scenario)
    // What is written now is recorded last.
    const last = await store.transact({ then: [{ type: 'put', key: 'log/end', value: new Uint8Array() }] })
    const lines = await log.until(last.revision)
    checkLog(lines)
    const holders = new Set(lines.map(({ token }) => token)).size
    assert.ok(holders >= run.rounds / 20, `there were only ${holders} holders in ${run.rounds} rounds`)
    return { faults, checked: lines.length }
  } finally {
    await log.stop()
    await store.close()
  }
}

/** The sum holds all that was acknowledged, and nothing that was not asked for. */
export async function countRounds(run: FaultRun): Promise<Survived> {
  const { told, faults } = await withFaults(run, 'count')
  const sumOf = (type: 'adding' | 'added'): number =>
    told.flat().reduce((sum, one) => sum + (one.type === type ? one.amount : 0), 0)
  const sum = await withCollections(run.url, (collections) => collections.counter('sum').get())
  const [acknowledged, asked] = [sumOf('added'), sumOf('adding')]
  assert.ok(acknowledged > 0, 'nothing was added at all')
  assert.ok(sum >= acknowledged, `the sum is ${sum}, but ${acknowledged} were acknowledged`)
  assert.ok(sum <= asked, `the sum is ${sum}, but only ${asked} were asked for`)
  return { faults, checked: told.flat().length }
}

/** Every element is taken by one taker; what is missing went with takers that were killed. */
export async function queueRounds(run: FaultRun): Promise<Survived> {
  const { told, faults, killed } = await withFaults(run, 'queue')
  const all = told.flat()
  const queued = all.flatMap((one) => (one.type === 'queued' ? [one.element] : []))
  const taken = all.flatMap((one) => (one.type === 'took' && one.element !== undefined ? [one.element] : []))
  const left = await withCollections(run.url, async (collections) => {
    const rest: string[] = []
    const queue = collections.queue<string>('numbers')
    while ((await queue.size()) > 0) rest.push(await queue.take())
    return rest
  })
  const seen = [...taken, ...left]
  assert.equal(new Set(seen).size, seen.length, 'an element was taken twice')
  assert.ok(taken.length > 0, 'nothing was taken at all')
  const missing = queued.filter((element) => !seen.includes(element))
  assert.ok(
    missing.length <= killed,
    `${missing.length} elements are gone, but only ${killed} takers were killed`,
  )
  return { faults, checked: seen.length }
}

/** What every process saw of some registers can be put into one order. */
export async function registerRounds(run: FaultRun): Promise<Survived> {
  const { told, faults } = await withFaults(run, 'register')
  const answers = new Map(
    told.flat().flatMap((one) => (one.type === 'answer' ? [[one.id, one] as const] : [])),
  )
  const histories = new Map<string, RecordedOperation[]>()
  let checked = 0
  for (const one of told.flat()) {
    if (one.type !== 'call') continue
    checked++
    const answer = answers.get(one.id)
    const history = histories.get(one.key) ?? []
    histories.set(one.key, history)
    history.push(
      answer === undefined || answer.answer.type === 'unknown'
        ? { call: one.call, answer: { type: 'unknown' }, startMs: one.atMs, endMs: Infinity }
        : { call: one.call, answer: answer.answer, startMs: one.atMs, endMs: answer.atMs },
    )
  }
  assert.ok(checked > run.rounds, `only ${checked} operations in ${run.rounds} rounds`)
  for (const [key, history] of histories) assertLinearizable(key, history)
  return { faults, checked }
}

async function withFaults(
  run: FaultRun,
  scenario: ActorOrder['scenario'],
): Promise<{ told: Actors['told']; faults: number; killed: number }> {
  const random = seededRandom(run.seed)
  const { url, ttlMs } = run
  const actors = new Actors(run.actors, { url, scenario, ttlMs }, random, run)
  let faults = 0
  try {
    for (let round = 0; round < run.rounds; round++) {
      await sleep(machineClock, random.int((run.calmMsMax ?? 0) + 1))
      const kind: ActorFault = random.int(3) === 0 ? 'kill' : 'pause'
      const isLong = random.int(4) === 0
      // A long pause outlives the lease; a short one does not.
      await actors.fault(kind, random.int(isLong ? ttlMs * 2 : ttlMs / 4))
      faults++
      if (run.storeFault === undefined || random.int(run.storeFaultRounds ?? 5) > 0) continue
      await run.storeFault(random)
      faults++
    }
    await actors.end()
    return { told: actors.told, faults, killed: actors.killed }
  } finally {
    actors.stop()
  }
}

async function withCollections<T>(
  url: string,
  action: (collections: ReturnType<typeof openCollections>) => Promise<T>,
): Promise<T> {
  const store = await openPatient(url)
  const collections = openCollections(store, { clock: machineClock, random: seededRandom(1) })
  try {
    return await action(collections)
  } finally {
    await collections.close()
    await store.close()
  }
}
