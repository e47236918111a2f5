/** JSON for people to read, of whatever an author gave: it has no bigint, Map, Set or Error. Throws where it cannot. */
export function plainJson(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each === 'bigint') return `${each}n`
    if (each instanceof Map) return [...(each as Map<unknown, unknown>)]
    if (each instanceof Set) return [...(each as Set<unknown>)]
    if (each instanceof Error) return { name: each.name, message: each.message }
    return each
  })
}
