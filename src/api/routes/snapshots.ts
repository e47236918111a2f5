import { type ExportedSnapshot, importedName } from '../../cluster/client/index.ts'
import { checkSnapshotRecord } from '../../cluster/protocol/index.ts'
import type { ApiRoute } from '../route.ts'
import * as schemas from '../schemas.ts'
import * as ofSnapshots from '../snapshot-schemas.ts'

/** A network may have thousands of instances, each with some files. */
const manifestBytesMax = 32 * 1024 * 1024
const path = '/v1/networks/:name/snapshots'

export const snapshotRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path,
    id: 'listSnapshots',
    summary: 'The snapshots of a network that are kept, and which are wanted.',
    role: 'viewer',
    answer: ofSnapshots.snapshots,
    handle: ({ params }, { management }) => management.snapshots.list(params['name']!),
  },
  {
    method: 'POST',
    path,
    id: 'createSnapshot',
    summary:
      'Asks for a snapshot that is kept under a name; with `replace`, an older one that has it loses it. It is there when `wanted` of the list is without the name.',
    role: 'operator',
    body: ofSnapshots.wantBody,
    answer: ofSnapshots.wanted,
    async handle({ params, body, caller }, { management }) {
      const { name, replace } = body as { readonly name: string; readonly replace?: boolean }
      await management.snapshots.want(params['name']!, name, { by: caller.name, replace })
      return { name }
    },
  },
  {
    method: 'GET',
    path: `${path}/:snapshot`,
    id: 'showSnapshot',
    summary: 'A snapshot, by its name or number.',
    role: 'viewer',
    answer: ofSnapshots.snapshot,
    handle: ({ params }, { management }) => management.snapshots.show(params['name']!, params['snapshot']!),
  },
  {
    method: 'DELETE',
    path: `${path}/:snapshot`,
    id: 'removeSnapshot',
    summary:
      'Removes a snapshot: its files go when no other one needs them. The last one only loses its names. One that is wanted is wanted no more.',
    role: 'operator',
    answer: schemas.done,
    async handle({ params }, { management }) {
      await management.snapshots.remove(params['name']!, params['snapshot']!)
      return { done: true }
    },
  },
  {
    method: 'GET',
    path: `${path}/:snapshot/content`,
    id: 'snapshotContent',
    summary: 'What a snapshot consists of: for each instance, the files that hold its state.',
    role: 'viewer',
    answer: ofSnapshots.content,
    handle: ({ params, signal }, { snapshots }) =>
      snapshots.content(params['name']!, params['snapshot']!, { signal }),
  },
  {
    method: 'GET',
    path: `${path}/:snapshot/file`,
    id: 'snapshotFile',
    summary: 'A file of a snapshot.',
    role: 'operator',
    query: ofSnapshots.fileQuery,
    answer: ofSnapshots.bytes,
    bytes: ({ params, query, signal }, { snapshots }) =>
      snapshots.file(params['name']!, params['snapshot']!, query['name']!, { signal }),
  },
  {
    method: 'POST',
    path: `${path}/import`,
    id: 'importSnapshot',
    summary:
      'Begins to take in a snapshot that was exported elsewhere: its files come after that, and then `complete`. Answers with the name by which it is kept.',
    role: 'operator',
    body: ofSnapshots.importBody,
    bodyBytesMax: manifestBytesMax,
    answer: ofSnapshots.imported,
    async handle({ params, body, signal }, { snapshots }) {
      const { storage, snapshot, manifest } = body as ExportedSnapshot & { readonly storage?: string }
      const given = { snapshot: checkSnapshotRecord(snapshot), manifest }
      const {
        isPartial = false,
        incarnation,
        id,
      } = await snapshots.begin(params['name']!, given, storage, {
        signal,
      })
      return { name: importedName({ incarnation, id }), id, isPartial }
    },
  },
  {
    method: 'PUT',
    path: `${path}/:snapshot/file`,
    id: 'putSnapshotFile',
    summary: 'Takes in a file of a snapshot that is being imported.',
    role: 'operator',
    query: ofSnapshots.fileQuery,
    takesBytes: 'stream',
    answer: schemas.done,
    async handle({ params, query, body, signal }, { snapshots }) {
      const file = { name: query['name']!, content: body as AsyncIterable<Uint8Array> }
      await snapshots.put(params['name']!, params['snapshot']!, file, { signal })
      return { done: true }
    },
  },
  {
    method: 'POST',
    path: `${path}/:snapshot/complete`,
    id: 'completeSnapshot',
    summary: 'All files of a snapshot have been sent: the network may go on from it.',
    role: 'operator',
    answer: ofSnapshots.snapshot,
    handle: ({ params, signal }, { snapshots }) =>
      snapshots.complete(params['name']!, params['snapshot']!, { signal }),
  },
]
