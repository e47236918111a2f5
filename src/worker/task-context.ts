import { AsyncLocalStorage } from 'node:async_hooks'
import type { Call } from './call.ts'

/**
 * Which call the code at work belongs to, after an `await` too.
 *
 * Only the handles of groups and batches ask: they may be kept from one message to the next, and what is sent through
 * them belongs to the message that sends it. With several messages at work, nothing else tells which one that is. It
 * costs about a quarter of a microsecond for each message, so only instances with `concurrency` above 1 have it.
 */
const calls = new AsyncLocalStorage<Call>()

export function inCall<T>(call: Call, action: () => T): T {
  return calls.run(call, action)
}

/** The call at work, if it is one of this owner's. */
export function callAtWork(owner: object): Call | undefined {
  const call = calls.getStore()
  return call?.isOf(owner) === true ? call : undefined
}
