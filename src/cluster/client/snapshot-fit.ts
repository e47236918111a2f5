import { VertigoError } from '../../base/errors.ts'
import { didYouMean } from '../../base/suggest.ts'
import type { SnapshotComponent, SnapshotRecord } from '../protocol/index.ts'
import type { VersionContent } from './deployment.ts'

/**
 * Whether a network can go on from a snapshot: nothing that the snapshot has may be lost, or go where it does not belong, unless somebody
 * says so (`discards`). What the network has beyond the snapshot begins afresh.
 *
 * Errors: SNAPSHOT_UNFIT, COMPONENT_UNKNOWN for what is to be discarded and is nowhere.
 */
export function checkFit(
  snapshot: SnapshotRecord,
  network: VersionContent,
  discards: readonly string[],
): void {
  const { components = [], id } = snapshot
  checkDiscards(snapshot, network, discards)
  for (const one of components) {
    const fault = discards.includes(one.component) ? undefined : faultOf(one, network)
    if (fault === undefined) continue
    throw new VertigoError(
      'SNAPSHOT_UNFIT',
      `"${network.flat.name}" cannot go on from snapshot ${id}: ${fault}.`,
      {
        place: { component: one.component },
        remedy: `Deploy ${one.component} as it was when the snapshot was taken; or let it begin afresh: \`--discard-state ${one.component}\`.`,
      },
    )
  }
}

function faultOf(
  { component, instances, hasState, hasKeyedState, hasChannelState }: SnapshotComponent,
  { flat, kinds }: VersionContent,
): string | undefined {
  const now = Object.hasOwn(flat.components, component) ? flat.components[component] : undefined
  if (now === undefined) {
    if (hasState) return `it has state of ${component}, which is not in the network`
    return hasChannelState
      ? `messages were on their way to ${component}, which is not in the network`
      : undefined
  }
  const { instances: count = 1 } = now
  if (hasChannelState && count !== instances)
    return `messages were on their way to ${instances} instances of ${component}, and there are to be ${count}`
  if (hasKeyedState && kinds[component]?.keyedState === false)
    return `it has keyed state of ${component}, which keeps none any more`
  return undefined
}

function checkDiscards(
  { components = [] }: SnapshotRecord,
  { flat }: VersionContent,
  discards: readonly string[],
): void {
  const known = [
    ...new Set([...Object.keys(flat.components), ...components.map(({ component }) => component)]),
  ]
  const unknown = discards.find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new VertigoError(
      'COMPONENT_UNKNOWN',
      `Neither "${flat.name}" nor the snapshot has a component "${unknown}" whose state could be discarded.${didYouMean(unknown, known)}`,
      { remedy: 'Name a component after `--discard-state`, as `vertigo snapshot show` lists them.' },
    )
}
