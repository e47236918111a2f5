import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { type Random, seededRandom } from '../../../src/base/random.ts'
import * as op from '../../../src/store/operations.ts'
import type { Store } from '../../../src/store/store.ts'
import {
  checkRegister,
  type RecordedOperation,
  type RegisterAnswer,
  type RegisterCall,
} from '../../support/linearizability.ts'
import type { Use } from './subjects.ts'
import { bytes, text } from './support.ts'

/** ST-1: histories of concurrent clients are linearizable, key by key. */
export function historyTests(use: Use, operations: number): void {
  describe('histories of concurrent clients', () => {
    it('are linearizable', () =>
      use(async (store, fixture) => {
        const clients = [store, await fixture.open(), await fixture.open(), await fixture.open()]
        const keys = ['x', 'y', 'z']
        const histories = new Map(keys.map((key): [string, RecordedOperation[]] => [key, []]))
        const random = seededRandom(2026)
        const each = Math.ceil(operations / clients.length)
        await Promise.all(
          clients.map(async (client, name) => {
            for (let i = 0; i < each; i++) {
              const key = keys[random.int(keys.length)]!
              histories.get(key)!.push(await record(client, key, randomCall(random, `${name}.${i}`)))
            }
          }),
        )
        for (const [key, history] of histories) assertLinearizable(key, history)
      }))
  })
}

export function assertLinearizable(key: string, history: readonly RecordedOperation[]): void {
  const verdict = checkRegister(history)
  if (!verdict.linearizable)
    assert.fail(`${key}: no order explains these answers: ${JSON.stringify(verdict.stuckAt, undefined, 1)}`)
}

export function randomCall(random: Random, value: string): RegisterCall {
  const choice = random.int(4)
  if (choice < 2) return { type: 'read' }
  if (choice === 2) return { type: 'write', value }
  return { type: 'swap', expected: undefined, value }
}

/** Does a call and notes it; a swap expects what was read just before. Errors are outcomes that are not known. */
export async function record(store: Store, key: string, wanted: RegisterCall): Promise<RecordedOperation> {
  let call = wanted
  if (call.type === 'swap') {
    const before = await store.get(key).catch(() => undefined)
    call = { ...call, expected: text(before?.entry?.value) }
  }
  const startMs = systemClock.monotonic()
  try {
    const answer = await perform(store, key, call)
    return { call, answer, startMs, endMs: systemClock.monotonic() }
  } catch {
    // It may have happened: that is what the history says of it.
    return { call, answer: { type: 'unknown' }, startMs, endMs: Infinity }
  }
}

async function perform(store: Store, key: string, call: RegisterCall): Promise<RegisterAnswer> {
  switch (call.type) {
    case 'read':
      return { type: 'read', value: text((await store.get(key)).entry?.value) }
    case 'write':
      await store.transact({ then: [op.put(key, bytes(call.value!))] })
      return { type: 'written' }
    case 'swap': {
      const { expected } = call
      const { succeeded } = await store.transact({
        compare: [
          expected === undefined
            ? op.isMissing(key)
            : { key, target: 'value', is: '=', than: bytes(expected) },
        ],
        then: [op.put(key, bytes(call.value!))],
      })
      return { type: 'swapped', succeeded }
    }
  }
}
