/**
 * References to secrets in configurations: `${env:NAME}` and `${file:path}`, anywhere in a text; `$${env:NAME}` is the text
 * `${env:NAME}` itself. Everything else with a `$` means itself. What they stand for is read where an instance is set up, so
 * that files of networks, the store, and everything that is shown hold the references only.
 */
export interface SecretReference {
  readonly type: 'env' | 'file'
  readonly name: string
  /** As it is written. */
  readonly text: string
}

const pattern = /\$?\$\{(env|file):([^{}]*)\}/g

/** Whether there is a reference, or an escaped one, anywhere in a value. */
export function holdsReference(value: unknown): boolean {
  if (typeof value === 'string') return new RegExp(pattern).test(value)
  if (Array.isArray(value)) return value.some(holdsReference)
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).some(holdsReference)
}

/** All references in a text, without those that are escaped. */
export function referencesIn(text: string): readonly SecretReference[] {
  return [...text.matchAll(pattern)].flatMap(([found, type, name]) =>
    found.startsWith('$$') ? [] : [{ type: type as 'env' | 'file', name: name!, text: found }],
  )
}

/** The text with what its references stand for. */
export function replaceReferences(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(pattern, (found) => (found.startsWith('$$') ? found.slice(1) : values.get(found)!))
}

/** Whether the value that a path leads to, or one on the way there, holds a reference. */
export function isReferenceAt(config: unknown, path: readonly (string | number)[]): boolean {
  let value = config
  for (const step of path) {
    if (typeof value !== 'object' || value === null) break
    value = (value as Readonly<Record<string | number, unknown>>)[step]
  }
  return holdsReference(value)
}
