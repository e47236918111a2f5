import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * Where the journals of a node's sources are unless somebody says it: of each node its own folder, since two of them may be on one
 * machine. Not among what may be deleted at any time, such as a cache.
 */
export function defaultJournalFolder(
  { storeUrl, cluster, id }: { readonly storeUrl: string; readonly cluster: string; readonly id: string },
  env: Readonly<Record<string, string | undefined>>,
): string {
  const ofNode = join(encodeURIComponent(cluster), encodeURIComponent(id))
  if (storeUrl.startsWith('lmdb:')) return join(`${resolve(storeUrl.slice('lmdb:'.length))}-journals`, ofNode)
  const state = env['XDG_STATE_HOME']
  if (state !== undefined && state.startsWith('/')) return join(state, 'vertigo', 'journals', ofNode)
  const home = homedir()
  // A machine without a home keeps nothing: whoever runs a node there names a folder.
  if (home === '' || home === '/') return join(tmpdir(), 'vertigo-journals', ofNode)
  return join(home, '.local', 'state', 'vertigo', 'journals', ofNode)
}
