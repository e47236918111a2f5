import { VertigoError } from '../base/errors.ts'
import { placeOf } from './file-names.ts'
import type { FileReference, InstanceManifest } from './manifest.ts'
import { decodeState, type StateFile } from './state-file.ts'
import type { CallOptions, SnapshotStorage } from './storage/storage.ts'

/** Whose part it is. */
export interface PartOf {
  readonly network: string
  readonly incarnation: number
}

/** Opens a file of an instance's part. Errors: those of the storage, of `decodeState`, and SNAPSHOT_FOREIGN. */
export async function openPartFile(
  { name, bytes, checksum, kind }: FileReference,
  { component, instance }: Pick<InstanceManifest, 'component' | 'instance'>,
  { network, incarnation }: PartOf,
  storage: SnapshotStorage,
  options: CallOptions = {},
): Promise<StateFile> {
  const file = await decodeState(name, storage.get(name, { ...options, expected: { bytes, checksum } }))
  const { head } = file
  // A snapshot refers to files of earlier incarnations, where it goes on from what was imported or restored.
  const isOf = placeOf(name)?.incarnation ?? incarnation
  const isIts = head.network === network && head.incarnation === isOf && head.kind === kind
  if (isIts && head.component === component && head.instance === instance) return file
  await file.blocks.return()
  const what = `the state of ${head.component}[${head.instance}] of network "${head.network}"`
  throw new VertigoError(
    'SNAPSHOT_FOREIGN',
    `The file ${name} holds ${what}, not that of ${component}[${instance}].`,
  )
}
