import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { defineComponent, defineSource, type Kind, port, value } from '../../../../src/component/index.ts'
import type { TrackInsights } from '../../../../src/component/tracking.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { type Message, Stage } from './stage.ts'

/**
 * A request whose handler fails behind its cut of a snapshot that barriers have overtaken it in, and before the commit: who goes back
 * handles the message again, and that counts. So who goes back is not told that it failed: OC-1, TR-6.
 */

const message: Message = { key: 'k', n: 1 }
const retryMs = 500

/** Timers wait for the test; what waits for the event loop only does not. */
class TimersByHand extends TestClock {
  override soon(action: () => void): void {
    systemClock.soon(action)
  }
}

/** Sends one message in its first life. */
function source(heard: string[], isFirst: boolean): Kind {
  return defineSource({
    outputs: { out: port<Message>() },
    rewinds: true,
    setup({ signal }) {
      let isSent = !isFirst
      const insights: Partial<TrackInsights> = {
        ack: () => void heard.push('ack'),
        fail: () => void heard.push('fail'),
        timeout: () => void heard.push('timeout'),
        lost: () => void heard.push('lost'),
        complete: (_id, failure) => void heard.push(failure === undefined ? 'complete' : 'failed'),
      }
      return {
        ...insights,
        poll(_max, { emit }) {
          if (isSent)
            return new Promise((resolve) => {
              signal.addEventListener('abort', () => resolve('done'), { once: true })
            })
          isSent = true
          emit.out.tracked(message, { id: 'r', wantsAnswers: true })
          return 'more'
        },
        positions: () => ({}),
      }
    },
  })
}

function counting(attempts: { count: number; isWell: boolean }): Kind {
  return defineComponent({
    inputs: { in: port<Message>() },
    state: { count: value(0) },
    on: {
      in: (_message, { answer, state }) => {
        attempts.count++
        if (!attempts.isWell) throw new Error('not now')
        answer(state.count.update((before) => before + 1))
      },
    },
  })
}

test('who goes back to a cut that the failure came behind handles the message, and hears of no failure', async (t) => {
  const stage = new Stage()
  const clock = new TimersByHand()
  const attempts = { count: 0, isWell: false }
  const errors = { retry: { times: 1, delayMs: retryMs }, then: 'reject' } as const
  const first: string[] = []
  const kind = counting(attempts)
  const begun = await stage.begin({
    kind,
    source: source(first, true),
    sources: 1,
    handles: 0,
    errors,
    clock,
  })
  t.after(() => begun.close())
  await begun.until('the first attempt has failed', () => attempts.count === 1)
  const snapshot = begun.beginSnapshot({ isAligned: true, alignMsMax: 1 })
  await begun.until('the source has taken its cut', () => begun.sourceCut === snapshot)
  await begun.until('the barrier overtakes what waits for its second attempt', () => {
    // The alignment begins when the instance has heard of it.
    clock.advance(1)
    return begun.instances[0]!.lastCut === snapshot
  })
  assert.deepEqual([attempts.count, first], [1, []])
  clock.advance(retryMs)
  await begun.until('the failure has come to the source', () => first.length > 0)
  assert.deepEqual([attempts.count, first], [2, ['failed']])
  const from = await begun.parts(snapshot)
  await begun.close()

  attempts.isWell = true
  const heard: string[] = []
  const next = await stage.begin({ kind, source: source(heard, false), sources: 1, handles: 0, errors, from })
  t.after(() => next.close())
  await next.until('it is handled again', () => attempts.count === 3)
  await next.until('the source has heard of it', () => heard.length > 0)
  await next.take()
  assert.deepEqual(next.keyed, { k: { count: 1 } })
  assert.deepEqual(heard, ['lost'])
})
