import { readFileSync } from 'node:fs'

export interface Manifest {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

/** The package.json of this package. */
export function manifest(): Manifest {
  // `src/cli` and `dist/cli` are equally deep.
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as Manifest
}
