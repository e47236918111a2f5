/** Makes a value for a number. */
export type Template<T = unknown> = (n: number) => T

/** Compiles a value in whose texts `{n}` stands for a number; a text that is `{n}` alone becomes the number itself. */
export function compileTemplate(value: unknown): Template {
  if (value === '{n}') return (n) => n
  if (typeof value === 'string') {
    const pieces = value.split('{n}')
    return pieces.length === 1 ? () => value : (n) => pieces.join(String(n))
  }
  if (Array.isArray(value)) {
    const items = value.map(compileTemplate)
    return (n) => items.map((item) => item(n))
  }
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(([name, field]) => [name, compileTemplate(field)] as const)
    return (n) => {
      const record: Record<string, unknown> = {}
      for (const [name, make] of fields) record[name] = make(n)
      return record
    }
  }
  return () => value
}
