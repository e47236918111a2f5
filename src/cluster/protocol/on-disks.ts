import { guaranteeInCluster, hasJournal } from '../../model/guarantee.ts'
import type { Component } from '../../model/network.ts'
import type { VersionRecord } from './network-record.ts'
import type { NodeRecord } from './node-record.ts'

/** What copies have on disks: which keep journals, and which machine has the files of kinds that read or write those of theirs. */

/** Whether copies of the component belong to the machine that has their files. */
export function usesLocalFiles(
  { flat, kinds }: Pick<VersionRecord, 'flat' | 'kinds'>,
  component: string,
): boolean {
  return kinds[component]?.files === 'local' && flat.components[component]?.placement?.files !== 'shared'
}

/** Whose files the node sees. */
export function filesSeenBy({ files, machine }: Pick<NodeRecord, 'files' | 'machine'>): string {
  return files ?? machine
}

/** What rules leave of nodes, as far as they say where files are. */
export interface MachineRules {
  readonly group: string | undefined
  readonly labels: Readonly<Record<string, string>>
}

export function machineRules({ group, placement }: Component): MachineRules {
  return { group, labels: placement?.labels ?? {} }
}

export interface CandidateNode extends Pick<NodeRecord, 'groups' | 'labels' | 'workers'> {
  readonly draining: boolean
  readonly files: string
}

/** The machines that could host it: with more than one, nobody knows which has the files. */
export function machinesFor(
  { group, labels }: MachineRules,
  nodes: readonly CandidateNode[],
): ReadonlySet<string> {
  const fits = (node: CandidateNode): boolean =>
    !node.draining &&
    node.workers > 0 &&
    (group === undefined || node.groups.includes(group)) &&
    Object.entries(labels).every(
      ([label, value]) => Object.hasOwn(node.labels, label) && node.labels[label] === value,
    )
  return new Set(nodes.filter(fits).map(({ files }) => files))
}

export function severalMachines(count: number): string {
  return `It reads or writes files of the machine that it runs on, and nodes on ${count} machines fit.`
}

export const severalMachinesRemedy =
  'Say by `group` or `placement.labels` on which machine it is to be, or, where all of them see the files, `placement: { files: shared }`.'

/** Whether copies of the component have journals of the engine's. */
export function keepsJournal({ flat, kinds }: Pick<VersionRecord, 'flat' | 'kinds'>, name: string): boolean {
  const component = flat.components[name]
  const kind = kinds[name]
  return (
    component !== undefined && kind !== undefined && hasJournal(guaranteeInCluster(flat), component, kind)
  )
}
