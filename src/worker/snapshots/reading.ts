import { VertigoError } from '../../base/errors.ts'
import { declaredStates, firstStateVersion, type KindDefinition } from '../../component/kind.ts'
import type { StateMigration } from '../../component/state.ts'
import type { InstanceManifest, SavedState } from '../../snapshot/manifest.ts'
import { Conversion, type MigrationStep, type NamedSlot } from '../../state/conversion.ts'
import type { SlotDeclaration } from '../../state/row.ts'

/** How the states of a snapshot are read as those that the component has now. */
export interface Reading {
  readonly keyed: Conversion
  readonly instance: Conversion
  /** They are of another version. */
  readonly isMigrated: boolean
}

export interface ReadingOwner {
  readonly place: string
  readonly definition: KindDefinition
  readonly keyed: { readonly slots: readonly SlotDeclaration[] } | undefined
  readonly instanceState: { readonly slots: readonly SlotDeclaration[] } | undefined
}

/** What manifests say of a component's states. */
export function savedStatesOf(definition: KindDefinition): readonly SavedState[] {
  return declaredStates(definition).map(({ name, type, scope, hasTtl }) => ({ name, type, scope, hasTtl }))
}

export function stateVersionOf({ stateVersion = firstStateVersion }: KindDefinition): number {
  return stateVersion
}

/**
 * `writer`: the kind that the snapshot was taken of; asked for where state is to be taken back to an older version, which only the newer
 * code knows about. Errors: STATE_VERSION_UNKNOWN, STATE_CHANGED.
 */
export async function readingOf(
  part: InstanceManifest,
  owner: ReadingOwner,
  writer: () => Promise<KindDefinition | undefined>,
): Promise<Reading> {
  const { definition, place } = owner
  const now = savedStatesOf(definition)
  const { states: before = now, stateVersion: from } = part
  const steps = before.length === 0 ? [] : await stepsOf(from, owner, writer)
  const ofScope = (states: readonly SavedState[], scope: SavedState['scope']): NamedSlot[] =>
    states.filter((state) => state.scope === scope)
  const conversion = (scope: SavedState['scope'], declared: readonly SlotDeclaration[] = []): Conversion =>
    new Conversion({ scope, place, from: ofScope(before, scope), to: ofScope(now, scope), declared, steps })
  return {
    keyed: conversion('keyed', owner.keyed?.slots),
    instance: conversion('instance', owner.instanceState?.slots),
    isMigrated: steps.length > 0,
  }
}

async function stepsOf(
  from: number,
  { definition, place }: ReadingOwner,
  writer: () => Promise<KindDefinition | undefined>,
): Promise<readonly MigrationStep[]> {
  const to = stateVersionOf(definition)
  const steps: MigrationStep[] = []
  const missing = (version: number, way: string): VertigoError =>
    new VertigoError(
      'STATE_VERSION_UNKNOWN',
      `The snapshot has version ${from} of the state of ${place}, which is of version ${to}: \`migrate\` of version ${version} has no \`${way}\`.`,
      { place: { component: place } },
    )
  for (let version = from + 1; version <= to; version++) {
    const step = migrationOf(definition, version)?.up
    if (step === undefined) throw missing(version, 'up')
    steps.push(step)
  }
  const newer = from > to ? await writer() : undefined
  for (let version = from; version > to; version--) {
    const step = migrationOf(definition, version)?.down ?? (newer && migrationOf(newer, version)?.down)
    if (step === undefined) throw missing(version, 'down')
    steps.push(step)
  }
  return steps
}

function migrationOf({ migrate = {} }: KindDefinition, version: number): StateMigration | undefined {
  return Object.hasOwn(migrate, version) ? migrate[version] : undefined
}
