import type { ChangeRequest } from '../../api/index.ts'
import type { Arguments } from '../arguments.ts'
import type { OptionSpec } from '../command-spec.ts'
import { goOnOptions } from './go-on.ts'

/** Of commands that change a network which runs: the way out where state cannot be read. */
export const discardOptions: Readonly<Record<'discard-state', OptionSpec>> = {
  'discard-state': {
    ...goOnOptions['discard-state'],
    about: 'This component begins afresh, without its state; the others go on. May be repeated.',
  },
}

export function discardOf(given: Arguments): Pick<ChangeRequest, 'discardState'> {
  const discardState = given.texts('discard-state')
  return discardState.length === 0 ? {} : { discardState }
}
