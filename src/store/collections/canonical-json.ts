/** JSON with the members of objects in one order: two values are the same where this text is. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    const members = Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))
    // Without a prototype, a member named `__proto__` is one like others.
    const sorted = Object.create(null) as Record<string, unknown>
    for (const [name, member] of members) sorted[name] = member
    return sorted
  })
}

export function isSameJson(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b)
}
