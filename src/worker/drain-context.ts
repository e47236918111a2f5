import type { KeyedState } from '../state/keyed-state.ts'
import type { Call } from './call.ts'

/** The context of an author's `drain`, which can go through the state of all keys. */
export function drainContext(
  context: object,
  keyed: KeyedState | undefined,
  call: Call | undefined,
  nowMs: number,
): object {
  return {
    ...context,
    *keys(): IterableIterator<{ key: unknown; state: unknown }> {
      if (keyed === undefined || call === undefined) return
      for (const row of keyed.rows(nowMs)) yield { key: row.key, state: call.stateOf(row) }
    },
  }
}
