import { VertigoError } from '../base/errors.ts'
import { placeOf } from './file-names.ts'
import type { FileReference } from './manifest.ts'
import { mergeStates } from './merge.ts'
import { getFile, putFile } from './small-files.ts'
import { decodeState, type EncodedChunk, encodeState, type StateFile, type StateHead } from './state-file.ts'
import type { SnapshotStorage } from './storage/storage.ts'

/** Of the files of one instance, to be made one. Plain data: it crosses threads. */
export interface MergeRequest {
  /** Oldest first; the first is full. */
  readonly files: readonly FileReference[]
  /** Of the file that is made of them. */
  readonly name: string
  readonly head: Omit<StateHead, 'kind'>
  /** Up to which snapshot it may be used (`collection.ts`). */
  readonly until: number
  /** Of the file (`small-files.ts`). Default 0: it is stored. */
  readonly inlineBytesMax?: number
}

/** Errors: those of the storage, SNAPSHOT_FOREIGN where a file is not of the instance. */
export async function mergeFiles(
  storage: SnapshotStorage,
  { files, name, head, until, inlineBytesMax = 0 }: MergeRequest,
  signal?: AbortSignal,
): Promise<FileReference> {
  const call = signal === undefined ? {} : { signal }
  const opened: StateFile[] = []
  try {
    for (const reference of files) {
      const file = await decodeState(reference.name, getFile(storage, reference, call))
      opened.push(file)
      checkHead(reference.name, file.head, head)
    }
    const content = encodeState({ ...head, kind: 'full' }, encodedSections(opened))
    const stored = await putFile(() => Promise.resolve(storage), name, content, { ...call, inlineBytesMax })
    return { name, kind: 'full', ...stored, until }
  } finally {
    await Promise.all(opened.map((file) => file.close()))
  }
}

async function* encodedSections(files: readonly StateFile[]): AsyncGenerator<EncodedChunk, void, undefined> {
  for await (const section of mergeStates(files)) yield section.encoded
}

function checkHead(name: string, found: StateHead, wanted: MergeRequest['head']): void {
  const { network, component, instance, incarnation } = found
  const isIts = network === wanted.network && component === wanted.component && instance === wanted.instance
  if (isIts && incarnation === (placeOf(name)?.incarnation ?? incarnation)) return
  throw new VertigoError(
    'SNAPSHOT_FOREIGN',
    `The file ${name} holds the state of ${component}[${instance}] of network "${network}".`,
  )
}
