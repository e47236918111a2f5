import type { ApiRoute } from '../route.ts'
import * as schemas from '../schemas.ts'
import * as ofSnapshots from '../snapshot-schemas.ts'

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
      'Asks for a snapshot that is kept under a name, which an older one loses. It is there when `wanted` of the list is without the name.',
    role: 'operator',
    body: ofSnapshots.wantBody,
    answer: ofSnapshots.wanted,
    async handle({ params, body, caller }, { management }) {
      const { name } = body as { readonly name: string }
      await management.snapshots.want(params['name']!, name, caller.name)
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
]
