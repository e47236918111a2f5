import { VertigoError } from '../../base/errors.ts'
import { compareSinkSnapshots, type SinkSnapshot } from '../../component/index.ts'

interface Use {
  readonly component: string
  /** Such as `the table "counts"`. */
  readonly what: string
}

const named = ({ incarnation, id }: SinkSnapshot): string => `${incarnation}/${id}`

/**
 * Whether a target has a snapshot of a writer already, of which it has `there` as the newest. Errors: SINK_AHEAD where that is of
 * a newer incarnation: somebody else writes under the name.
 */
export function isThere(
  there: SinkSnapshot | undefined,
  snapshot: SinkSnapshot,
  writer: string,
  { component, what }: Use,
): boolean {
  if (there === undefined) return false
  if (there.incarnation > snapshot.incarnation) {
    throw new VertigoError(
      'SINK_AHEAD',
      `${component}: ${what} has snapshot ${named(there)} of "${writer}" already, and is to be given ${named(snapshot)}, which is of an older incarnation.`,
      { place: { component } },
    )
  }
  return compareSinkSnapshots(there, snapshot) >= 0
}

/** Errors: SINK_TARGET_LOST where the target does not know what was published for certain. */
export function checkKnows(
  there: SinkSnapshot | undefined,
  published: SinkSnapshot | undefined,
  writer: string,
  { component, what }: Use,
): void {
  if (published === undefined) return
  if (there !== undefined && compareSinkSnapshots(there, published) >= 0) return
  throw new VertigoError(
    'SINK_TARGET_LOST',
    `${component}: ${what} has ${there === undefined ? 'nothing' : `snapshot ${named(there)}`} of "${writer}", which has published snapshot ${named(published)} for certain: it is another one, or was taken back.`,
    { place: { component } },
  )
}
