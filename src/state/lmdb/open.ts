import type { NewKeyedState, StateSettings } from '../keyed-state.ts'
import { LmdbState } from './lmdb-state.ts'
import { openRowFiles } from './row-files.ts'

/** Errors, of what it gives: STATE_DISK_FAILED. */
export function lmdbStates({ cacheBytesMax }: StateSettings): NewKeyedState {
  return (slots, place) =>
    new LmdbState(slots, place, openRowFiles(place), cacheBytesMax === undefined ? {} : { cacheBytesMax })
}
