import { fault, networkInvalid, placesOfFile } from '../../model/places.ts'
import {
  type CandidateNode,
  machineRules,
  machinesFor,
  severalMachines,
  severalMachinesRemedy,
  usesLocalFiles,
  type VersionRecord,
} from '../protocol/index.ts'
import { canonicalJson } from '../../model/json.ts'
import type { VersionContent } from './deployment.ts'

/**
 * Components that need the files of a machine, and whose machine is not known by what runs. `current`: what runs; a change of the rules
 * for a component's place says anew where its files are, as it does for the planner (PN-13).
 */
export function withoutMachine(
  content: VersionContent,
  current: VersionRecord | undefined,
): readonly string[] {
  const { components } = content.flat
  return Object.keys(components).filter((name) => {
    if (!usesLocalFiles(content, name)) return false
    const before = current !== undefined && usesLocalFiles(current, name) && current.flat.components[name]
    return !before || rulesOf(before) !== rulesOf(components[name]!)
  })
}

/** Errors: NETWORK_INVALID, with FILES_NOT_SHARED among its `faults`. */
export function checkMachines(
  { flat }: VersionContent,
  names: readonly string[],
  nodes: readonly CandidateNode[],
): void {
  const places = placesOfFile(`"${flat.name}"`)
  const faults = names.flatMap((name) => {
    const component = flat.components[name]!
    const { size } = machinesFor(machineRules(component), nodes)
    if (size <= 1) return []
    const message = `${name}: ${severalMachines(size)}`
    return [
      fault('FILES_NOT_SHARED', message, places, ['components', name, 'placement'], {
        remedy: severalMachinesRemedy,
      }),
    ]
  })
  if (faults.length > 0) throw networkInvalid(faults, places.file)
}

function rulesOf(component: VersionRecord['flat']['components'][string]): string | undefined {
  return canonicalJson({ ...machineRules(component) })
}
