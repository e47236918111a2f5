import type { RunWhole } from '../../base/native-gate.ts'
import type { NewKeyedState, StateSettings } from '../keyed-state.ts'
import { LmdbState } from './lmdb-state.ts'
import { openRowFiles } from './row-files.ts'

/** `whole`: as `openRowFiles`. Errors, of what it gives: STATE_DISK_FAILED. */
export function lmdbStates({ cacheBytesMax }: StateSettings, whole?: RunWhole): NewKeyedState {
  return (slots, place) =>
    new LmdbState(
      slots,
      place,
      openRowFiles(place, undefined, whole),
      cacheBytesMax === undefined ? {} : { cacheBytesMax },
    )
}
