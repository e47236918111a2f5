import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { systemClock } from '../../src/base/clock.ts'
import { isVertigoError } from '../../src/base/errors.ts'
import type { Random } from '../../src/base/random.ts'
import { isMissing, put } from '../../src/store/operations.ts'
import type { Store } from '../../src/store/store.ts'
import {
  checkRegister,
  type RecordedOperation,
  type RegisterAnswer,
  type RegisterCall,
} from './linearizability.ts'

/** Histories of a store's keys, each taken for a register: how they are made, and how they are checked. */

const bytes = (text: string): Uint8Array => Buffer.from(text)
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString()

export function assertLinearizable(key: string, history: readonly RecordedOperation[]): void {
  const verdict = checkRegister(history)
  if (!verdict.linearizable)
    assert.fail(`${key}: no order explains these answers: ${JSON.stringify(verdict.stuckAt, undefined, 1)}`)
}

/** A read, a write of `value`, or a swap to it; what the swap expects is still to be read. */
export function randomCall(random: Random, value: string): RegisterCall {
  const choice = random.int(4)
  if (choice < 2) return { type: 'read' }
  if (choice === 2) return { type: 'write', value }
  return { type: 'swap', expected: undefined, value }
}

/** A swap expects what is there just before, so that it often succeeds. */
export async function readExpected(store: Store, key: string, call: RegisterCall): Promise<RegisterCall> {
  if (call.type !== 'swap') return call
  try {
    return { ...call, expected: text((await store.get(key)).entry?.value) }
  } catch (error) {
    assert.ok(isFault(error), String(error))
    return call
  }
}

/** Does a call and notes when it began and ended. */
export async function record(store: Store, key: string, wanted: RegisterCall): Promise<RecordedOperation> {
  const call = await readExpected(store, key, wanted)
  const startMs = systemClock.monotonic()
  const answer = await performCall(store, key, call)
  return { call, answer, startMs, endMs: answer.type === 'unknown' ? Infinity : systemClock.monotonic() }
}

/** What nobody answered may have happened; `failed` says that it surely has not. */
export async function performCall(store: Store, key: string, call: RegisterCall): Promise<RegisterAnswer> {
  try {
    return await perform(store, key, call)
  } catch (error) {
    assert.ok(isFault(error), String(error))
    return isVertigoError(error) && error.code === 'STORE_UNREACHABLE'
      ? { type: 'failed' }
      : { type: 'unknown' }
  }
}

/** Faults of the store; everything else is one of the test. */
function isFault(error: unknown): boolean {
  return isVertigoError(error) && ['STORE_UNREACHABLE', 'STORE_OUTCOME_UNKNOWN'].includes(error.code)
}

async function perform(store: Store, key: string, call: RegisterCall): Promise<RegisterAnswer> {
  switch (call.type) {
    case 'read':
      return { type: 'read', value: text((await store.get(key)).entry?.value) }
    case 'write':
      await store.transact({ then: [put(key, bytes(call.value!))] })
      return { type: 'written' }
    case 'swap': {
      const { expected } = call
      const { succeeded } = await store.transact({
        compare: [
          expected === undefined ? isMissing(key) : { key, target: 'value', is: '=', than: bytes(expected) },
        ],
        then: [put(key, bytes(call.value!))],
      })
      return { type: 'swapped', succeeded }
    }
  }
}
