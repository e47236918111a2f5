import type { GoOnFrom } from '../../cluster/client/index.ts'
import { type Arguments, usage } from '../arguments.ts'
import type { OptionSpec } from '../command-spec.ts'

/** What a deployment takes that goes on from a snapshot. */
export const goOnOptions: Readonly<
  Record<'from-snapshot' | 'accept-duplicates' | 'discard-state', OptionSpec>
> = {
  'from-snapshot': {
    value: '<name|folder>',
    about:
      'Goes on from a snapshot of the network: its name or number (`vertigo snapshot ls`), or the folder of an export, with a slash in it (`./backup`), which is sent to the cluster.',
  },
  'accept-duplicates': {
    about:
      'With --from-snapshot: it need not be the last one. What has been published since is published again.',
  },
  'discard-state': {
    value: '<component>',
    multiple: true,
    about:
      'This component begins afresh, whatever the snapshot has of it; the others go on, from the last one or that of --from-snapshot. A sink publishes what is committed first, where it can. May be repeated.',
  },
}

/** Where to go on from: what the cluster knows, or a folder here. */
export function isFolder(snapshot: string): boolean {
  return /[/\\]/.test(snapshot)
}

/** Errors: USAGE. */
export function goOnFrom(given: Arguments): GoOnFrom | undefined {
  const snapshot = given.text('from-snapshot')
  const acceptDuplicates = given.flag('accept-duplicates')
  if (snapshot === undefined && acceptDuplicates)
    throw usage('--accept-duplicates is for --from-snapshot, which is missing.')
  return snapshot === undefined ? undefined : { snapshot, acceptDuplicates }
}
