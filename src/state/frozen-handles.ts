import { deepFreeze } from '../base/freeze.ts'
import { ListHandle, MapHandle, type StateCursor, ValueHandle } from './handles.ts'
import type { SlotDeclaration } from './row.ts'

/**
 * Handles for development mode: what they give is frozen, since a value that is changed in place cannot be taken back, and may
 * not be seen by a snapshot. Classes of their own, so that the usual ones test for nothing.
 */
export function frozenStateHandle(cursor: StateCursor, slot: number, declared: SlotDeclaration): object {
  if (declared.type === 'value') return new FrozenValueHandle(cursor, slot, declared)
  return declared.type === 'map'
    ? new FrozenMapHandle(cursor, slot, declared)
    : new FrozenListHandle(cursor, slot, declared)
}

class FrozenValueHandle extends ValueHandle {
  override get(): unknown {
    return frozen(super.get())
  }

  override update(change: (old: unknown) => unknown): unknown {
    return super.update((old) => change(frozen(old)))
  }
}

/** `update` reads by `get`. */
class FrozenMapHandle extends MapHandle {
  override get(key: unknown): unknown {
    return frozen(super.get(key))
  }

  override *entries(): IterableIterator<[unknown, unknown]> {
    for (const [key, value] of super.entries()) yield [frozen(key), frozen(value)]
  }
}

/** A list that was handed out is copied by the next `push`, so it may be frozen itself. */
class FrozenListHandle extends ListHandle {
  override get(): readonly unknown[] {
    return frozen(super.get())
  }
}

function frozen<T>(value: T): T {
  deepFreeze(value)
  return value
}
