import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep, systemClock } from '../../src/base/clock.ts'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { defineComponent, defineSource, type Kind, port, value } from '../../src/component/index.ts'
import type { TrackInsights } from '../../src/component/tracking.ts'
import { RequestBook } from '../../src/connectors/client/requests.ts'
import type { SnapshotManifest } from '../../src/snapshot/manifest.ts'
import { eventually } from '../support/eventually.ts'
import { type Message, Stage } from '../unit/worker/snapshots/stage.ts'

/**
 * Requests of a network that goes back to snapshots, over and over, at any moment: between a request and its answer, between an answer
 * and its commit, between a commit and the word of it. Each is answered, by what a plain loop over all of them gives, and whoever
 * asks again gets the same answer: RB-1, RB-2, OC-1, TR-6.
 */

const count = 80
const keys = 5
/** Some are in the journal twice, since who asked did not know that they were. */
const journal: readonly number[] = Array.from({ length: count }, (_, n) => n).flatMap((n) =>
  n % 6 === 4 ? [n, Math.max(0, n - 2), n] : [n],
)
const isAnswered = (n: number): boolean => n % 7 !== 3

/** What a plain loop gives. */
const expected: readonly (string | undefined)[] = (() => {
  const counts = new Map<number, number>()
  return Array.from({ length: count }, (_, n) => {
    const next = (counts.get(n % keys) ?? 0) + 1
    counts.set(n % keys, next)
    return isAnswered(n) ? JSON.stringify({ n, count: next }) : undefined
  })
})()

class World {
  readonly stage = new Stage()
  readonly answers = new Map<number, string | undefined>()
  /** What was heard and is wrong: gathered, since a source that throws fails the network, and hides it. */
  readonly faults: string[] = []
  /** Those that were answered before a failure, and are asked once more. */
  private readonly doubts = new Set<number>()
  private readonly chance: Random
  private lastAsker = 0

  constructor(chance: Random) {
    this.chance = chance
  }

  readonly counter = defineComponent({
    inputs: { in: port<Message>() },
    state: { count: value(0) },
    concurrency: 4,
    on: {
      in: async ({ n }, { answer, state, clock }) => {
        const next = state.count.update((before) => before + 1)
        if (n % 3 === 0) answerOf(n, next, answer)
        const ms = this.chance.int(12)
        if (ms > 3)
          await new Promise<void>((resolve) => {
            clock.after(ms, resolve)
          })
        if (n % 3 !== 0) answerOf(n, next, answer)
      },
    },
  })

  /** As the source behind an exported input, whose journal is there whatever fails. */
  source(): Kind {
    return defineSource({
      outputs: { out: port<Message>() },
      rewinds: true,
      setup: ({ clock, positions, signal }) => {
        const requests = new RequestBook({ clock, isJournaled: true })
        let at = Number(positions?.['journal']?.position ?? 0)
        let hasAsked = false
        const insights: Required<TrackInsights> = {
          ack: (id) => requests.ack(id),
          fail: (id, failure) => requests.fail(id, failure),
          timeout: (id) => requests.timeout(id),
          answer: (id, answer) => requests.answer(id, answer),
          complete: (id, failure) => requests.complete(id, failure),
          lost: (id) => requests.lost(id),
          begins: (id) => requests.begins(id),
          kept: () => requests.kept(),
          recall: (kept, open) => requests.recall(kept, open),
        }
        return {
          ...insights,
          poll: async (_max, { emit }) => {
            if (!hasAsked) this.askAll(requests)
            hasAsked = true
            if (at === journal.length)
              return new Promise((resolve) => {
                signal.addEventListener('abort', () => resolve('done'), { once: true })
              })
            if (this.chance.int(3) === 0)
              await new Promise<void>((resolve) => {
                clock.after(this.chance.int(8), resolve)
              })
            const n = journal[at++]!
            const options = { id: `r${n}`, wantsAnswers: true }
            if (requests.begins(options.id)) emit.out.tracked({ key: `k${n % keys}`, n }, options)
            return 'more'
          },
          positions: () => ({ journal: { version: 1, position: at } }),
        }
      },
    })
  }

  /** Whoever asked in the life before asks again. */
  private askAll(requests: RequestBook): void {
    for (let n = 0; n < count; n++) {
      if (this.answers.has(n) && !this.doubts.has(n)) continue
      const isNew = requests.ask(
        `r${n}`,
        ++this.lastAsker,
        {
          uncommitted: false,
          taken: () => undefined,
          answered: (text) => {
            if (this.answers.has(n) && text !== this.answers.get(n)) this.faults.push(`${n}: ${text}`)
            this.answers.set(n, text)
            // A few ask again in each life: their nodes died with the answer.
            if (this.chance.int(4) > 0) this.doubts.delete(n)
            else this.doubts.add(n)
          },
          refused: ({ code, message }) => {
            this.answers.set(n, code)
            this.faults.push(`${n}: ${code} ${message}`)
          },
        },
        { again: true, length: 10 },
      )
      if (isNew && this.answers.has(n)) this.faults.push(`${n} was answered, and is not known any more`)
    }
  }
}

function answerOf(n: number, counted: number, answer: (value: unknown) => boolean): void {
  if (isAnswered(n)) assert.ok(answer({ n, count: counted }), 'an answer is wanted')
}

const mode = { isAligned: true, alignMsMax: null } as const

for (let seed = 1; seed <= 20; seed++)
  test(`seed ${seed}: each request is answered once, by what a plain loop gives, whatever fails`, async () => {
    const chance = seededRandom(seed)
    const world = new World(chance)
    let from: SnapshotManifest | undefined
    let lives = 0
    let isOver = false
    while (!isOver) {
      lives++
      assert.ok(lives < 100, `seed ${seed}: no end`)
      const running = await world.stage.begin({
        kind: world.counter,
        source: world.source(),
        sources: 1,
        handles: 0,
        ...(from && { from }),
      })
      try {
        let snapshots = lives > 12 ? 100 : 1 + chance.int(4)
        while (snapshots-- > 0 && world.answers.size < count) {
          await sleep(systemClock, chance.int(25))
          from = await running.take(mode)
        }
        isOver = world.answers.size === count
        if (isOver) break
        const snapshot = running.beginSnapshot(mode)
        // Committed, and nobody here hears of it; or not.
        if (chance.int(2) === 0) from = await running.parts(snapshot)
        else await sleep(systemClock, chance.int(10))
      } finally {
        await running.close()
      }
    }
    await eventually('all are heard', () => world.answers.size === count)
    assert.deepEqual(world.faults, [], `seed ${seed}`)
    const answers = Array.from({ length: count }, (_, n) => world.answers.get(n))
    assert.deepEqual(answers, expected, `seed ${seed}`)
    assert.ok(lives > 1, `seed ${seed}: nothing has failed`)
  })
