import type { Operation, OperationResult, Revision } from '../store.ts'
import type { Deadline } from './deadline.ts'
import type { Effort } from './effort.ts'
import { toEntries } from './encoding.ts'
import { AttemptFailed, judge } from './failure.ts'
import type { Keyspace } from './keyspace.ts'
import type { Members } from './members.ts'
import { methods, type RangeRequest, type RangeResponse, toNumber } from './protocol.ts'

/**
 * The results of a transaction that took effect, and of which the answer was lost. etcd keeps the past, so they are those
 * that were lost: reads see what the transaction had written before them. Where the past is compacted, reads are of now, and
 * nothing is known of what was deleted. (A range over keys that were written before and behind it sees both.)
 */
export class Recall {
  private readonly members: Members
  private readonly keys: Keyspace
  private readonly deadline: Deadline
  private readonly effort: Effort

  constructor(members: Members, keys: Keyspace, deadline: Deadline, effort: Effort) {
    this.members = members
    this.keys = keys
    this.deadline = deadline
    this.effort = effort
  }

  /** `revision` is the one in which the operations were done. */
  async results(operations: readonly Operation[], revision: Revision): Promise<OperationResult[]> {
    const results: OperationResult[] = []
    for (const [index, operation] of operations.entries()) {
      const hasWrites = operations.slice(0, index).some((earlier) => concerns(earlier, operation))
      results.push(await this.result(operation, hasWrites ? revision : revision - 1))
    }
    return results
  }

  private async result(operation: Operation, revision: Revision): Promise<OperationResult> {
    const { keys } = this
    switch (operation.type) {
      case 'put':
        return { type: 'put' }
      case 'get':
        return { type: 'get', entry: toEntries(keys, await this.read(this.one(operation.key), revision))[0] }
      case 'range': {
        const response = await this.read(keys.range(operation.prefix), revision)
        return { type: 'range', entries: toEntries(keys, response) }
      }
      case 'delete':
        return { type: 'delete', deleted: await this.count(this.one(operation.key), revision) }
      case 'delete-range':
        return { type: 'delete-range', deleted: await this.count(keys.range(operation.prefix), revision) }
    }
  }

  private one(key: string): RangeRequest {
    return { key: this.keys.toEtcd(key) }
  }

  private async count(request: RangeRequest, revision: Revision): Promise<number> {
    return toNumber((await this.read({ ...request, countOnly: true }, revision)).count)
  }

  private async read(request: RangeRequest, revision: Revision): Promise<RangeResponse> {
    const { members, deadline, effort } = this
    try {
      return await members.call(methods.range, { ...request, revision }, deadline, effort)
    } catch (error) {
      if (!(error instanceof AttemptFailed) || judge(error).type !== 'compacted') throw error
      return members.call(methods.range, request, deadline, effort)
    }
  }
}

/** Whether what `earlier` wrote is seen by `operation`. */
function concerns(earlier: Operation, operation: Operation): boolean {
  if (earlier.type === 'get' || earlier.type === 'range') return false
  if (earlier.type === 'delete-range')
    return 'key' in operation
      ? operation.key.startsWith(earlier.prefix)
      : operation.prefix.startsWith(earlier.prefix) || earlier.prefix.startsWith(operation.prefix)
  return 'key' in operation ? operation.key === earlier.key : earlier.key.startsWith(operation.prefix)
}
