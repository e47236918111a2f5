import assert from 'node:assert/strict'
import { sleep } from '../../../src/base/clock.ts'
import { asError, isVertigoError } from '../../../src/base/errors.ts'
import { Election } from '../../../src/store/recipes/election.ts'
import type { Hold } from '../../../src/store/recipes/hold.ts'
import type { LeaseHolder } from '../../../src/store/recipes/lease-holder.ts'
import { LeaseKeeper } from '../../../src/store/recipes/lease-keeper.ts'
import { Lock } from '../../../src/store/recipes/lock.ts'
import { TaskQueue } from '../../../src/store/recipes/task-queue.ts'
import { put } from '../../../src/store/operations.ts'
import { encodeValue } from '../../../src/store/envelope.ts'
import type { Client } from './client.ts'
import { logWrite } from './log.ts'

/** What clients do with the recipes; the checks are beside. All of it goes on, whatever the store does, until the signal ends it. */

export interface HolderPlan {
  readonly ttlMs: number
  /** Writes of one turn, at most. */
  readonly writesMax: number
  readonly pauseMsMax: number
}

/** Campaigns over and over, and as leader writes lines to the log. */
export async function leadAndWrite(client: Client, plan: HolderPlan, signal: AbortSignal): Promise<void> {
  const election = new Election(client.store, 'election/', client)
  await holdOverAndOver(client, plan, signal, (lease) => election.campaign(lease, client.name, signal))
}

/** Takes a lock over and over, and while it has it writes lines to the log. */
export async function lockAndWrite(client: Client, plan: HolderPlan, signal: AbortSignal): Promise<void> {
  const lock = new Lock(client.store, 'lock/', client)
  await holdOverAndOver(client, plan, signal, (lease) => lock.acquire(lease, signal))
}

async function holdOverAndOver(
  client: Client,
  plan: HolderPlan,
  signal: AbortSignal,
  get: (lease: LeaseHolder) => Promise<Hold>,
): Promise<void> {
  const keeper = new LeaseKeeper(client.store, client)
  const written = { count: 0 }
  let lease: LeaseHolder | undefined
  await untilAborted(client, signal, async () => {
    if (lease?.isHeld() !== true) {
      await lease?.close()
      lease = await keeper.hold({ ttlMs: plan.ttlMs })
    }
    const hold = await get(lease)
    try {
      await writeLines(client, hold, plan, written, signal)
    } finally {
      await giveBack(hold)
    }
  })
  await keeper.close()
}

async function writeLines(
  client: Client,
  hold: Hold,
  plan: HolderPlan,
  written: { count: number },
  signal: AbortSignal,
): Promise<void> {
  const writes = 1 + client.random.int(plan.writesMax)
  for (let i = 0; i < writes && !signal.aborted; i++) {
    await sleep(client.clock, client.random.next() * plan.pauseMsMax)
    const line = { by: client.name, token: hold.token, number: ++written.count }
    await hold.transact(logWrite('log', line), { repeat: 'once' })
  }
}

/** Takes tasks over and over; acknowledges most, and writes the number of each one with its acknowledgement. */
export async function takeTasks(
  client: Client,
  { ttlMs, pauseMsMax }: HolderPlan,
  signal: AbortSignal,
): Promise<void> {
  const keeper = new LeaseKeeper(client.store, client)
  const queue = new TaskQueue(client.store, 'tasks/', client)
  let lease: LeaseHolder | undefined
  await untilAborted(client, signal, async () => {
    if (lease?.isHeld() !== true) {
      await lease?.close()
      lease = await keeper.hold({ ttlMs })
    }
    const task = await queue.take(lease, signal)
    try {
      await sleep(client.clock, client.random.next() * pauseMsMax)
      if (client.random.next() < 0.2) return
      await task.complete({ then: [put(`done/${task.value as number}`, encodeValue(client.name))] })
    } finally {
      await giveBack(task)
    }
  })
  await keeper.close()
}

export async function addTasks(client: Client, from: number, count: number): Promise<number[]> {
  const queue = new TaskQueue(client.store, 'tasks/', { ...client, tasksMax: 10_000 })
  const added: number[] = []
  for (let number = from; number < from + count; number++) {
    try {
      await queue.add(number)
      added.push(number)
    } catch (error) {
      // Of unknown outcome: not among those that have to be done.
      assert.ok(isExpected(error), String(asError(error).stack))
    }
  }
  return added
}

/** Where the store does not answer, the lease is what is left to end it. */
async function giveBack(hold: Hold): Promise<void> {
  try {
    await hold.release()
  } catch (error) {
    if (!isExpected(error)) throw error
    await hold.lease.close()
  }
}

/** Faults of the store and what comes of them are part of the game; everything else ends the scenario. */
export async function untilAborted(
  client: Client,
  signal: AbortSignal,
  act: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await act()
    } catch (error) {
      if (!signal.aborted && !isExpected(error)) throw error
    }
    // Lets a simulated clock go on where nothing else waits for it.
    await sleep(client.clock, 1)
  }
}

export function isExpected(error: unknown): boolean {
  return isVertigoError(error) && expected.has(error.code)
}

const expected: ReadonlySet<string> = new Set([
  'STORE_UNREACHABLE',
  'STORE_OUTCOME_UNKNOWN',
  'STORE_LEASE_LOST',
  'STORE_HOLD_LOST',
  'STORE_CONTENDED',
])
