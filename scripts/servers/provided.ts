import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A server that can be started, or why there is none. */
export type Provided = { readonly path: string } | { readonly missing: string }

export function onPath(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/go/bin']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}
