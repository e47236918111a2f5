import { VertigoError } from '../base/errors.ts'
import { placeOf } from './file-names.ts'
import type { FileReference, InstanceManifest } from './manifest.ts'
import { getFile } from './small-files.ts'
import { decodeState, type StateFile } from './state-file.ts'
import type { CallOptions, SnapshotStorage } from './storage/storage.ts'

/** Whose part it is. */
export interface PartOf {
  readonly network: string
  readonly incarnation: number
}

/** Opens all files of an instance's part, at once: each may be a call to a storage far away. Errors: as of `openPartFile`. */
export async function openPartFiles(
  part: Pick<InstanceManifest, 'component' | 'instance' | 'files'>,
  of: PartOf,
  storage: SnapshotStorage,
  options: CallOptions = {},
): Promise<StateFile[]> {
  const opening = part.files.map((file) => openPartFile(file, part, of, storage, options))
  const settled = await Promise.allSettled(opening)
  const files = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  if (files.length === opening.length) return files
  await Promise.all(files.map((file) => file.close()))
  // The first that could not be opened.
  return Promise.all(opening)
}

/** Opens a file of an instance's part. Errors: those of the storage, of `decodeState`, and SNAPSHOT_FOREIGN. */
async function openPartFile(
  reference: FileReference,
  { component, instance }: Pick<InstanceManifest, 'component' | 'instance'>,
  { network, incarnation }: PartOf,
  storage: SnapshotStorage,
  options: CallOptions = {},
): Promise<StateFile> {
  const { name, kind } = reference
  const file = await decodeState(name, getFile(storage, reference, options))
  const { head } = file
  // A snapshot refers to files of earlier incarnations, where it goes on from what was imported or restored.
  const isOf = placeOf(name)?.incarnation ?? incarnation
  const isIts = head.network === network && head.incarnation === isOf && head.kind === kind
  if (isIts && head.component === component && head.instance === instance) return file
  await file.close()
  const what = `the state of ${head.component}[${head.instance}] of network "${head.network}"`
  throw new VertigoError(
    'SNAPSHOT_FOREIGN',
    `The file ${name} holds ${what}, not that of ${component}[${instance}].`,
  )
}
