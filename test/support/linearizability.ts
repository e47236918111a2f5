/**
 * Checks histories of a register for linearizability: whether every operation can be given one moment between its call
 * and its answer at which it took effect, such that each answer is that of a plain variable. The search is that of Wing
 * and Gong ("Testing and Verifying Concurrent Objects", 1993), with Lowe's memory of configurations ("Testing for
 * linearizability", 2017). Linearizability is local (Herlihy and Wing, 1990): a store is checked key by key.
 */

export type RegisterCall =
  | { readonly type: 'read' }
  | { readonly type: 'write'; readonly value: string | undefined }
  | { readonly type: 'swap'; readonly expected: string | undefined; readonly value: string | undefined }

export type RegisterAnswer =
  | { readonly type: 'read'; readonly value: string | undefined }
  | { readonly type: 'written' }
  | { readonly type: 'swapped'; readonly succeeded: boolean }
  /** It surely has not taken effect. */
  | { readonly type: 'failed' }
  /** It may have taken effect at any time after its call, or never. */
  | { readonly type: 'unknown' }

export interface RecordedOperation {
  readonly call: RegisterCall
  readonly answer: RegisterAnswer
  readonly startMs: number
  /** Of an unknown outcome: Infinity. */
  readonly endMs: number
}

export type Verdict =
  | { readonly linearizable: true }
  /** The operations that could not be placed, at the point where the search came farthest. */
  | { readonly linearizable: false; readonly stuckAt: readonly RecordedOperation[] }

interface Configuration {
  readonly done: Uint8Array
  /** All operations before this one are done. */
  readonly first: number
  /** Those with an answer that are done. */
  readonly answered: number
  readonly value: string | undefined
}

export function checkRegister(history: readonly RecordedOperation[], initial?: string): Verdict {
  // A read that was not answered says nothing, and what has not happened neither.
  const operations = history
    .filter(
      ({ call, answer }) => answer.type !== 'failed' && (answer.type !== 'unknown' || call.type !== 'read'),
    )
    .toSorted((a, b) => a.startMs - b.startMs)
  const answered = operations.filter(({ answer }) => answer.type !== 'unknown').length
  const start: Configuration = {
    done: new Uint8Array(operations.length),
    first: 0,
    answered: 0,
    value: initial,
  }
  const seen = new Set<string>()
  const stack = [start]
  let farthest = start
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (at.answered === answered) return { linearizable: true }
    if (at.answered > farthest.answered) farthest = at
    for (const index of candidates(operations, at)) {
      const next = step(operations, at, index)
      if (next === undefined) continue
      const name = nameOf(next)
      if (seen.has(name)) continue
      seen.add(name)
      stack.push(next)
    }
  }
  const stuckAt = candidates(operations, farthest).map((index) => operations[index]!)
  return { linearizable: false, stuckAt }
}

/** What may take effect next: whatever began before the first answer that is still to be placed. */
function candidates(operations: readonly RecordedOperation[], { done, first }: Configuration): number[] {
  let firstEndMs = Infinity
  const open: number[] = []
  for (let index = first; index < operations.length; index++) {
    const { startMs, endMs } = operations[index]!
    if (startMs > firstEndMs) break
    if (done[index] === 1) continue
    open.push(index)
    firstEndMs = Math.min(firstEndMs, endMs)
  }
  return open.filter((index) => operations[index]!.startMs <= firstEndMs)
}

function step(
  operations: readonly RecordedOperation[],
  { done, first, answered, value }: Configuration,
  index: number,
): Configuration | undefined {
  const { call, answer } = operations[index]!
  const after = effect(call, answer, value)
  if (after === undefined) return undefined
  const nowDone = done.slice()
  nowDone[index] = 1
  let nowFirst = first
  while (nowDone[nowFirst] === 1) nowFirst++
  return {
    done: nowDone,
    first: nowFirst,
    answered: answered + (answer.type === 'unknown' ? 0 : 1),
    value: after.value,
  }
}

/** The register afterwards; undefined where the answer is not that of a register. */
function effect(
  call: RegisterCall,
  answer: RegisterAnswer,
  value: string | undefined,
): { readonly value: string | undefined } | undefined {
  switch (call.type) {
    case 'read':
      return answer.type === 'read' && answer.value === value ? { value } : undefined
    case 'write':
      return { value: call.value }
    case 'swap': {
      const fits = call.expected === value
      if (answer.type === 'swapped' && answer.succeeded !== fits) return undefined
      return { value: fits ? call.value : value }
    }
  }
}

function nameOf({ done, first, value }: Configuration): string {
  let name = `${first}|${value ?? ''}|${value === undefined ? 0 : 1}|`
  let last = done.length - 1
  while (last > first && done[last] === 0) last--
  for (let index = first; index <= last; index++) name += done[index]
  return name
}
