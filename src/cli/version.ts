import { readFileSync } from 'node:fs'

/** The version of this package. */
export function packageVersion(): string {
  // `src/cli` and `dist/cli` are equally deep.
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { readonly version: string }).version
}
