import type { GoOnFrom } from '../../cluster/client/index.ts'
import { type Arguments, usage } from '../arguments.ts'
import type { OptionSpec } from '../command-spec.ts'

/** What a deployment takes that goes on from a snapshot. */
export const goOnOptions: Readonly<
  Record<'from-snapshot' | 'accept-duplicates' | 'discard-state', OptionSpec>
> = {
  'from-snapshot': {
    value: '<name>',
    about: 'Goes on from a snapshot of the network: its name or number (`vertigo snapshot ls`).',
  },
  'accept-duplicates': {
    about:
      'With --from-snapshot: it need not be the last one. What has been published since is published again.',
  },
  'discard-state': {
    value: '<component>',
    multiple: true,
    about:
      'With --from-snapshot: this component begins afresh, whatever the snapshot has of it. May be repeated.',
  },
}

/** Errors: USAGE. */
export function goOnFrom(given: Arguments): GoOnFrom | undefined {
  const snapshot = given.text('from-snapshot')
  const discardState = given.texts('discard-state')
  const acceptDuplicates = given.flag('accept-duplicates')
  if (snapshot === undefined) {
    const alone = acceptDuplicates
      ? 'accept-duplicates'
      : discardState.length > 0
        ? 'discard-state'
        : undefined
    if (alone !== undefined) throw usage(`--${alone} is for --from-snapshot, which is missing.`)
    return undefined
  }
  return { snapshot, acceptDuplicates, discardState }
}
