import type { ChangeRequest } from '../../api/index.ts'
import type { Arguments } from '../arguments.ts'
import type { OptionSpec } from '../command-spec.ts'

/** Of commands that change a network: the way out where state cannot be read. */
export const discardOptions: Readonly<Record<'discard-state', OptionSpec>> = {
  'discard-state': {
    value: '<component>',
    multiple: true,
    about:
      'Lets a component begin anew, without its state and what was on its way to it, while the rest goes on from the last snapshot. May be repeated.',
  },
}

export function discardOf(given: Arguments): Pick<ChangeRequest, 'discardState'> {
  const discardState = given.texts('discard-state')
  return discardState.length === 0 ? {} : { discardState }
}
